#include "stage.c"

/* Averages of every two steps go to a branch, the last of an odd number alone; then every step goes on. */
struct halves {
    const struct stage *branch;
    int n_features;
    float *mean;
};

static void push_halves(const struct stage *stage, const float *x, int i, int n)
{
    const struct halves *layer = stage->layer;
    for (int k = 0; k < layer->n_features; k++) {
        layer->mean[k] = i % 2 == 0 ? x[k] : (layer->mean[k] + x[k]) / 2.0f;
    }
    if (i % 2 == 1 || i == n - 1) {
        layer->branch->push(layer->branch, layer->mean, i / 2, (n + 1) / 2);
    }
    pass_on(stage, x, i, n);
}
