#include "around.c"

/* A recurrent layer that reads forwards and backwards, and for that has to keep the whole sequence. */
struct bidirectional {
    const struct cell *forwards, *backwards;
    const struct around *around;
    float *rows; /* Steps as they came in. */
    float *behind; /* What reading backwards put out at each step, or at the first step only. */
    int n_behind;
    number *state, *gates;
    float *out;
};

static void push_bidirectional(const struct stage *stage, const float *x, int i, int n)
{
    const struct bidirectional *layer = stage->layer;
    const int n_inputs = layer->forwards->n_inputs, n_hidden = layer->forwards->n_hidden;
    const size_t state_bytes = (size_t)layer->forwards->n_state * sizeof *layer->state;
    copy(layer->rows + i * n_inputs, x, n_inputs);
    if (i < n - 1) {
        return;
    }
    memset(layer->state, 0, state_bytes);
    for (int t = n - 1; t >= 0; t--) {
        const float *given = before_cells(layer->around, layer->rows + t * n_inputs);
        run_cell(layer->backwards, given, layer->state, layer->gates);
        put_out(layer->backwards, layer->state, layer->behind + (t % layer->n_behind) * n_hidden);
    }
    memset(layer->state, 0, state_bytes);
    for (int t = 0; t < n; t++) {
        const float *row = layer->rows + t * n_inputs;
        run_cell(layer->forwards, before_cells(layer->around, row), layer->state, layer->gates);
        put_out(layer->forwards, layer->state, layer->out);
        copy(layer->out + n_hidden, layer->behind + (t % layer->n_behind) * n_hidden, n_hidden);
        after_cells(layer->around, row, layer->out);
        pass_on(stage, layer->out, t, n);
    }
}
