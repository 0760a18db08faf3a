#include "stage.c"

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float hyperbolic(float x)
{
    return tanhf(x);
}
