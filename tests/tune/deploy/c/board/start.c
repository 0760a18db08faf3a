/* The beginning of a program on QEMU's mps2-an386: stack, first instruction, and the floating-point unit switched on. */
extern unsigned char stack_top[];
extern void _start(void);

static void stop(void)
{
    for (;;) {
    }
}

static void reset(void)
{
#ifdef __ARM_FP
    *(volatile unsigned *)0xE000ED88u |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
    _start();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (void *)reset, (void *)stop, (void *)stop, (void *)stop, (void *)stop, (void *)stop,
};
