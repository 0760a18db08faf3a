#include "pooling.c"

/* Means, and largest values. */
static void push_mean_max_pooling(const struct stage *stage, const float *x, int i, int n)
{
    const struct pooling *layer = stage->layer;
    for (int k = 0; k < layer->n_features; k++) {
        const float sum = i == 0 ? x[k] : layer->out[k] + x[k];
        layer->out[k] = i == n - 1 ? sum / (float)n : sum;
        if (i == 0 || x[k] > layer->largest[k]) {
            layer->largest[k] = x[k];
        }
    }
    if (i == n - 1) {
        pass_on(stage, layer->out, 0, 1);
    }
}
