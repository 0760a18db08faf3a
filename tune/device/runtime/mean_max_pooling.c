#include "pooling.c"

/* Means, then largest values. */
static void push_mean_max_pooling(const struct stage *stage, const float *x, int i, int n)
{
    const struct pooling *layer = stage->layer;
    float *largest = layer->out + layer->n_features;
    for (int k = 0; k < layer->n_features; k++) {
        const float sum = i == 0 ? x[k] : layer->out[k] + x[k];
        layer->out[k] = i == n - 1 ? sum / (float)n : sum;
        if (i == 0 || x[k] > largest[k]) {
            largest[k] = x[k];
        }
    }
    if (i == n - 1) {
        pass_on(stage, layer->out, 0, 1);
    }
}
