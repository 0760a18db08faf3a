#include <math.h>
#include <stddef.h>
#include <string.h>

/* A layer of the network. It is given one step of a sequence after the other and passes on what it makes of them. */
struct stage {
    /* Takes step i, counted from zero, of n. */
    void (*push)(const struct stage *stage, const float *x, int i, int n);
    const void *layer;
    const struct stage *next; /* NULL at the end. */
};

static void pass_on(const struct stage *stage, const float *x, int i, int n)
{
    if (stage->next != NULL) {
        stage->next->push(stage->next, x, i, n);
    }
}

static void copy(float *out, const float *x, int n_values)
{
    memcpy(out, x, (size_t)n_values * sizeof *out);
}
