/* Before numerics.h: what is an instruction or two, where PoCL makes twenty of it. */
#if defined(POCL_DEVICE_ADDRESS_BITS) && defined(__SSE4_1__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_roundeven)
#undef rint
#define rint(x) __builtin_elementwise_roundeven(x)
#endif
#if __has_builtin(__builtin_reduce_or)
#undef any
#define any(x) (__builtin_reduce_or(x) < 0)
#endif
#endif
