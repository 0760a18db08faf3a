#include "activation.c"
#include "cell.c"
#include "linear.c"
#include "norm.c"

/* What stands around a recurrent layer; each is NULL or zero where it is not there. */
struct around {
    const struct norm *before; /* Of what goes in. */
    const struct norm *after; /* Of what comes out. */
    int adds; /* Whether what went in is added at the end. */
    const struct linear *gate; /* How much is renewed (Srivastava et al. 2015). */
    int n_outputs;
    float *normalised, *opened;
};

static const float *before_cells(const struct around *around, const float *x)
{
    if (around->before == NULL) {
        return x;
    }
    layer_norm(around->before, x, around->normalised);
    return around->normalised;
}

static void after_cells(const struct around *around, const float *x, float *out)
{
    if (around->after != NULL) {
        layer_norm(around->after, out, out);
    }
    for (int k = 0; around->adds && k < around->n_outputs; k++) {
        out[k] += x[k];
    }
    if (around->gate != NULL) {
        linear(around->gate, x, around->opened);
        for (int k = 0; k < around->n_outputs; k++) {
            out[k] = x[k] + sigmoid(around->opened[k]) * (out[k] - x[k]);
        }
    }
}
