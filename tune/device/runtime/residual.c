#include "linear.c"

/* The end of a residual block: what went in is added to what comes out, then ReLU. */
struct residual {
    const struct linear *shortcut; /* NULL where the widths are the same */
    const float *rows; /* Of the first convolution of the block, which still holds the step that went in. */
    int n_rows, n_inputs, n_features;
    float *out;
};

static void push_residual(const struct stage *stage, const float *x, int i, int n)
{
    const struct residual *layer = stage->layer;
    const float *before = layer->rows + (i % layer->n_rows) * layer->n_inputs;
    if (layer->shortcut != NULL) {
        linear(layer->shortcut, before, layer->out);
    } else {
        copy(layer->out, before, layer->n_features);
    }
    for (int k = 0; k < layer->n_features; k++) {
        const float sum = layer->out[k] + x[k];
        layer->out[k] = sum > 0.0f ? sum : 0.0f;
    }
    pass_on(stage, layer->out, i, n);
}
