#include "kept.c"

/*
 * The last layer of a network that reads both ways, with its pooling: each direction pools what it puts out by itself, so
 * that steps are kept as they come in, and none that comes out.
 */
struct both_ways {
    const struct stage *forwards, *backwards; /* Each reads and pools. */
    const struct product *input;
    kept *rows;
    float *given, *pooled;
};

static void push_both_ways(const struct stage *stage, const float *x, int i, int n)
{
    const struct both_ways *layer = stage->layer;
    const int n_inputs = layer->input->n_inputs;
    keep(layer->input, x, layer->rows + i * n_inputs);
    for (int k = 0; i == n - 1 && k < 2 * n; k++) {
        const struct stage *reader = k < n ? layer->forwards : layer->backwards;
        load(layer->input, layer->rows + (k < n ? k : 2 * n - 1 - k) * n_inputs, layer->given);
        reader->push(reader, layer->given, k % n, n);
    }
    if (i == n - 1) {
        pass_on(stage, layer->pooled, 0, 1);
    }
}
