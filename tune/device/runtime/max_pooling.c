#include "pooling.c"

static void push_max_pooling(const struct stage *stage, const float *x, int i, int n)
{
    const struct pooling *layer = stage->layer;
    for (int k = 0; k < layer->n_features; k++) {
        if (i == 0 || x[k] > layer->out[k]) {
            layer->out[k] = x[k];
        }
    }
    if (i == n - 1) {
        pass_on(stage, layer->out, 0, 1);
    }
}
