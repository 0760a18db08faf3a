#include "stage.c"

/*
 * tanh as a quotient of polynomials, a minimax approximation up to 8, where tanh is one but for 2.3e-7: wrong by at
 * most 4e-7. Without branches or calls, so that a compiler computes several at once.
 */
static float hyperbolic(float x)
{
    const float above = x < -8.0f ? -8.0f : x, y = above > 8.0f ? 8.0f : above, z = y * y;
    const float upper =
        9.999999700e-1f + z * (1.343821617e-1f + z * (3.564185637e-3f + z * (2.177372432e-5f + z * 1.506246281e-8f)));
    const float lower =
        1.0f + z * (4.677153697e-1f + z * (2.613612851e-2f + z * (3.399227324e-4f + z * 8.453931029e-7f)));
    return y * upper / lower;
}

static float sigmoid(float x)
{
    return 0.5f + 0.5f * hyperbolic(0.5f * x);
}
