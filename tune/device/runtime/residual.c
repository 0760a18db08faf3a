#include "kept.c"
#include "linear.c"

/* The end of a residual block: what went in is added to what comes out, then ReLU. */
struct residual {
    const struct linear *shortcut; /* NULL where the widths are the same */
    const struct product *input; /* Of the first convolution of the block, */
    const kept *rows; /* which still holds the step that went in. */
    int n_rows, n_features;
    float *out;
};

static void push_residual(const struct stage *stage, const float *x, int i, int n)
{
    const struct residual *layer = stage->layer;
    const kept *before = layer->rows + (i % layer->n_rows) * layer->input->n_inputs;
    if (layer->shortcut != NULL) {
        start(layer->shortcut, layer->out);
        add_kept(layer->shortcut->product, before, layer->out);
    } else {
        load(layer->input, before, layer->out);
    }
    for (int k = 0; k < layer->n_features; k++) {
        const float sum = x[k] + layer->out[k];
        layer->out[k] = sum > 0.0f ? sum : 0.0f;
    }
    pass_on(stage, layer->out, i, n);
}
