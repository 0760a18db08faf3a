#include "attention.c"

/* The end of a branch: steps from which others gather. */
static void push_context(const struct stage *stage, const float *x, int i, int n)
{
    (void)n;
    remember(stage->layer, x, i);
}

/* Every step gathers from a branch at half the rate. */
struct cross_attention {
    const struct norm *norm;
    const struct attention *attention;
    float *normalised, *out;
};

static void push_cross_attention(const struct stage *stage, const float *x, int i, int n)
{
    const struct cross_attention *layer = stage->layer;
    layer_norm(layer->norm, x, layer->normalised);
    gather(layer->attention, layer->normalised, i, (n + 1) / 2, layer->out);
    for (int k = 0; k < layer->norm->n_features; k++) {
        layer->out[k] += x[k];
    }
    pass_on(stage, layer->out, i, n);
}
