#include "stage.c"

/* Sines in the first half of the features, cosines in the second (Vaswani et al. 2017, section 3.5). */
struct sinusoidal {
    const float *slopes; /* Radians a step. */
    int n_slopes, n_features;
    float *out;
};

static void push_sinusoidal(const struct stage *stage, const float *x, int i, int n)
{
    const struct sinusoidal *layer = stage->layer;
    for (int k = 0; k < layer->n_features; k++) {
        const float angle = (float)i * layer->slopes[k % layer->n_slopes];
        layer->out[k] = x[k] + (k < layer->n_slopes ? sinf(angle) : cosf(angle));
    }
    pass_on(stage, layer->out, i, n);
}
