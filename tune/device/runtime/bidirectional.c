#include "around.c"
#include "kept.c"

/* A recurrent layer that reads forwards and backwards, and for that has to keep the whole sequence. */
struct bidirectional {
    const struct cell *forwards, *backwards;
    const struct around *around;
    const struct product *input; /* What a step is kept for. */
    kept *rows, *behind; /* Steps as they came in, and what reading backwards put out. */
    number *state, *gates;
    float *given, *out;
};

static void push_bidirectional(const struct stage *stage, const float *x, int i, int n)
{
    const struct bidirectional *layer = stage->layer;
    const struct product *recurrent = layer->backwards->recurrent;
    const int n_inputs = layer->input->n_inputs, n_hidden = layer->forwards->n_hidden;
    const size_t state_bytes = (size_t)layer->forwards->n_state * sizeof *layer->state;
    keep(layer->input, x, layer->rows + i * n_inputs);
    if (i < n - 1) {
        return;
    }
    memset(layer->state, 0, state_bytes);
    for (int t = n - 1; t >= 0; t--) {
        load(layer->input, layer->rows + t * n_inputs, layer->given);
        run_cell(layer->backwards, before_cells(layer->around, layer->given), layer->state, layer->gates);
        put_out(layer->backwards, layer->state, layer->out);
        keep(recurrent, layer->out, layer->behind + t * n_hidden);
    }
    memset(layer->state, 0, state_bytes);
    for (int t = 0; t < n; t++) {
        load(layer->input, layer->rows + t * n_inputs, layer->given);
        run_cell(layer->forwards, before_cells(layer->around, layer->given), layer->state, layer->gates);
        put_out(layer->forwards, layer->state, layer->out);
        load(recurrent, layer->behind + t * n_hidden, layer->out + n_hidden);
        after_cells(layer->around, layer->given, layer->out);
        pass_on(stage, layer->out, t, n);
    }
}
