#include "attention.c"

/* Every step gathers from all steps of the sequence, which is kept for that. */
struct self_attention {
    const struct norm *norm;
    const struct attention *attention;
    float *rows, *normalised, *out;
};

static void push_self_attention(const struct stage *stage, const float *x, int i, int n)
{
    const struct self_attention *layer = stage->layer;
    const int n_features = layer->norm->n_features;
    copy(layer->rows + i * n_features, x, n_features);
    layer_norm(layer->norm, x, layer->normalised);
    remember(layer->attention, layer->normalised, i);
    for (int t = 0; i == n - 1 && t < n; t++) {
        const float *row = layer->rows + t * n_features;
        layer_norm(layer->norm, row, layer->normalised);
        gather(layer->attention, layer->normalised, t, n, layer->out);
        for (int k = 0; k < n_features; k++) {
            layer->out[k] += row[k];
        }
        pass_on(stage, layer->out, t, n);
    }
}
