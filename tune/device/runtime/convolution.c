#include "kept.c"
#include "norm.c"

/* Convolution over time, perhaps layer norm, ReLU. Batch norm is inside the weights. */
struct convolution {
    const struct product *first; /* Of the earliest step that it sees; the matrices of the others follow it. */
    const float *bias;
    const struct norm *norm; /* NULL for none */
    int n_taps, tap_size, stride, dilation;
    kept *rows; /* The last steps that came in, as many as it sees. */
    int n_rows;
    float *out;
};

static void convolve(const struct convolution *layer, int t, int n)
{
    struct product tap = *layer->first;
    int step = t - layer->dilation * (layer->n_taps / 2);
    copy(layer->out, layer->bias, tap.n_outputs);
    for (int k = 0; k < layer->n_taps; k++, step += layer->dilation, tap.weights += layer->tap_size) {
        if (step >= 0 && step < n) { /* Beyond the ends of a sequence there is zero. */
            add_kept(&tap, layer->rows + (step % layer->n_rows) * tap.n_inputs, layer->out);
        }
    }
    if (layer->norm != NULL) {
        layer_norm(layer->norm, layer->out, layer->out);
    }
    for (int k = 0; k < tap.n_outputs; k++) {
        layer->out[k] = layer->out[k] > 0.0f ? layer->out[k] : 0.0f;
    }
}

static void push_convolution(const struct stage *stage, const float *x, int i, int n)
{
    const struct convolution *layer = stage->layer;
    const int ahead = layer->dilation * (layer->n_taps / 2); /* It is as many steps late as it looks ahead. */
    const int until = i == n - 1 ? n - 1 : i - ahead;
    keep(layer->first, x, layer->rows + (i % layer->n_rows) * layer->first->n_inputs);
    for (int t = i > ahead ? i - ahead : 0; t <= until; t++) {
        if (t % layer->stride == 0) {
            convolve(layer, t, n);
            pass_on(stage, layer->out, t / layer->stride, (n - 1) / layer->stride + 1);
        }
    }
}
