#include "pooling.c"

/* Where the reading ended: the last step, and backwards the first. */
static void push_last_pooling(const struct stage *stage, const float *x, int i, int n)
{
    const struct pooling *layer = stage->layer;
    const int n_forwards = layer->n_features - layer->n_backwards;
    if (i == 0) {
        copy(layer->out + n_forwards, x + n_forwards, layer->n_backwards);
    }
    if (i == n - 1) {
        copy(layer->out, x, n_forwards);
        pass_on(stage, layer->out, 0, 1);
    }
}
