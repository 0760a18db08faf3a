#include "stage.c"

/* tanh at 0, 1/32, 2/32 … 8 in 1/32767, and a straight line between two of them: wrong by at most 1.2e-4. */
static float hyperbolic(float x)
{
    const float place = (x < 0.0f ? -x : x) * 32.0f;
    const int below = place < 256.0f ? (int)place : 256;
    const float low = tanh_table[below], high = tanh_table[below < 256 ? below + 1 : 256];
    const float value = (low + (place < 256.0f ? place - (float)below : 0.0f) * (high - low)) * (1.0f / 32767.0f);
    return x < 0.0f ? -value : value;
}

static float sigmoid(float x)
{
    return 0.5f + 0.5f * hyperbolic(0.5f * x);
}
