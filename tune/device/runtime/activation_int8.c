#include "stage.c"

/*
 * tanh of x / 4096 in 1/32767: a table of tanh at 0, 1/32, 2/32 … 8, and a straight line between two of them; wrong by
 * at most 1.4e-4.
 */
static int fixed_tanh(int x)
{
    const int size = x < 0 ? -x : x, below = size >> 7;
    int value = 32767;
    if (below < 256) {
        value = tanh_table[below] + (((tanh_table[below + 1] - tanh_table[below]) * (size & 127) + 64) >> 7);
    }
    return x < 0 ? -value : value;
}

/* The logistic function of x / 4096 in 1/32767: wrong by at most 1.1e-4. */
static int fixed_sigmoid(int x)
{
    return (32768 + fixed_tanh(x >> 1)) >> 1;
}
