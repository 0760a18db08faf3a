#include "cell.c"
#include "norm.c"

/*
 * As bidirectional.c, where nothing stands in front of the cells or beside them: what is kept of a sequence, and of what
 * reading backwards puts out, are bytes.
 */
struct bidirectional_int8 {
    const struct cell *forwards, *backwards;
    const struct norm *after; /* NULL for none */
    signed char *rows, *behind;
    int n_behind;
    number *state, *gates;
    float *out;
};

static void push_bidirectional_int8(const struct stage *stage, const float *x, int i, int n)
{
    const struct bidirectional_int8 *layer = stage->layer;
    const int n_inputs = layer->forwards->n_inputs, n_hidden = layer->forwards->n_hidden;
    const size_t state_bytes = (size_t)layer->forwards->n_state * sizeof *layer->state;
    to_bytes(layer->forwards->input, x, layer->rows + i * n_inputs);
    if (i < n - 1) {
        return;
    }
    memset(layer->state, 0, state_bytes);
    for (int t = n - 1; t >= 0; t--) {
        run_on_bytes(layer->backwards, layer->rows + t * n_inputs, layer->state, layer->gates);
        state_to_bytes(layer->backwards, layer->state, layer->behind + (t % layer->n_behind) * n_hidden);
    }
    memset(layer->state, 0, state_bytes);
    for (int t = 0; t < n; t++) {
        const signed char *behind = layer->behind + (t % layer->n_behind) * n_hidden;
        run_on_bytes(layer->forwards, layer->rows + t * n_inputs, layer->state, layer->gates);
        put_out(layer->forwards, layer->state, layer->out);
        for (int k = 0; k < n_hidden; k++) {
            layer->out[n_hidden + k] = (float)behind[k] * (1.0f / 127.0f);
        }
        if (layer->after != NULL) {
            layer_norm(layer->after, layer->out, layer->out);
        }
        pass_on(stage, layer->out, t, n);
    }
}
