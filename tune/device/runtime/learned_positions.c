#include "stage.c"

/* A trained vector for every step; a sequence that is longer than the table stretches it. */
struct learned_positions {
    const float *table;
    int n_rows, n_features;
    float *out;
};

static void push_learned_positions(const struct stage *stage, const float *x, int i, int n)
{
    const struct learned_positions *layer = stage->layer;
    const float last = (float)(layer->n_rows - 1);
    const float place = n <= layer->n_rows ? (float)i : fminf((float)i * (last / (float)(n - 1)), last);
    const int below = (int)place, above = below + 1 < layer->n_rows ? below + 1 : below;
    const float *low = layer->table + below * layer->n_features, *high = layer->table + above * layer->n_features;
    for (int k = 0; k < layer->n_features; k++) {
        layer->out[k] = x[k] + low[k] + (place - (float)below) * (high[k] - low[k]);
    }
    pass_on(stage, layer->out, i, n);
}
