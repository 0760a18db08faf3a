#include "around.c"

/* A recurrent layer that reads forwards. */
struct recurrent {
    const struct cell *cell;
    const struct around *around;
    number *state, *gates;
    float *out;
};

static void push_recurrent(const struct stage *stage, const float *x, int i, int n)
{
    const struct recurrent *layer = stage->layer;
    const struct cell *cell = layer->cell;
    if (i == 0) {
        memset(layer->state, 0, (size_t)cell->n_state * sizeof *layer->state);
    }
    run_cell(cell, before_cells(layer->around, x), layer->state, layer->gates);
    put_out(cell, layer->state, layer->out);
    after_cells(layer->around, x, layer->out);
    pass_on(stage, layer->out, i, n);
}
