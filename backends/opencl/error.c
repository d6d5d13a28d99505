/* Error records, OpenCL's error numbers by name, and failures that stick to a device. */
#include "opencl.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

rk_status ocl_fail(rk_error *e, rk_status code, int32_t native, const char *where, int line,
                   const char *format, ...)
{
    if (!e) return code;
    va_list args;
    e->code = code;
    e->native = native;
    e->line = (uint32_t)line;
    snprintf(e->where, sizeof e->where, "opencl %s", where);
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return code;
}

#define ERRORS(X)                                                                                  \
    X(CL_DEVICE_NOT_FOUND)                                                                         \
    X(CL_DEVICE_NOT_AVAILABLE)                                                                     \
    X(CL_COMPILER_NOT_AVAILABLE)                                                                   \
    X(CL_MEM_OBJECT_ALLOCATION_FAILURE)                                                            \
    X(CL_OUT_OF_RESOURCES)                                                                         \
    X(CL_OUT_OF_HOST_MEMORY)                                                                       \
    X(CL_BUILD_PROGRAM_FAILURE)                                                                    \
    X(CL_MISALIGNED_SUB_BUFFER_OFFSET)                                                             \
    X(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)                                                \
    X(CL_COMPILE_PROGRAM_FAILURE)                                                                  \
    X(CL_LINK_PROGRAM_FAILURE)                                                                     \
    X(CL_INVALID_VALUE)                                                                            \
    X(CL_INVALID_PLATFORM)                                                                         \
    X(CL_INVALID_DEVICE)                                                                           \
    X(CL_INVALID_CONTEXT)                                                                          \
    X(CL_INVALID_COMMAND_QUEUE)                                                                    \
    X(CL_INVALID_MEM_OBJECT)                                                                       \
    X(CL_INVALID_BINARY)                                                                           \
    X(CL_INVALID_BUILD_OPTIONS)                                                                    \
    X(CL_INVALID_PROGRAM)                                                                          \
    X(CL_INVALID_PROGRAM_EXECUTABLE)                                                               \
    X(CL_INVALID_KERNEL_NAME)                                                                      \
    X(CL_INVALID_KERNEL)                                                                           \
    X(CL_INVALID_ARG_INDEX)                                                                        \
    X(CL_INVALID_ARG_VALUE)                                                                        \
    X(CL_INVALID_ARG_SIZE)                                                                         \
    X(CL_INVALID_KERNEL_ARGS)                                                                      \
    X(CL_INVALID_WORK_GROUP_SIZE)                                                                  \
    X(CL_INVALID_WORK_ITEM_SIZE)                                                                   \
    X(CL_INVALID_EVENT)                                                                            \
    X(CL_INVALID_OPERATION)                                                                        \
    X(CL_INVALID_BUFFER_SIZE)                                                                      \
    X(CL_INVALID_GLOBAL_WORK_SIZE)

const char *ocl_error_name(cl_int code)
{
#define NAME(x)                                                                                    \
    case x: return #x;
    switch (code) {
        ERRORS(NAME)
    case -1001: return "no OpenCL driver installed";
    case -9999: return "illegal access on the device";
    default: return "unnamed OpenCL error";
    }
#undef NAME
}

static rk_status code_of(cl_int code)
{
    switch (code) {
    case CL_SUCCESS: return RK_OK;
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_INVALID_BUFFER_SIZE:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_OUT_OF_RESOURCES: return RK_E_NOMEM;
    case CL_DEVICE_NOT_AVAILABLE:
    case CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST:
    case CL_INVALID_CONTEXT:
    case CL_INVALID_COMMAND_QUEUE:
    case -9999: return RK_E_DEVICE;
    default: return RK_E_INTERNAL;
    }
}

rk_status ocl_status(rk_device *d, cl_int code, const char *what, rk_error *e)
{
    rk_status status = code_of(code);
    if (status == RK_OK) return RK_OK;
    const char *advice = "";
    if (status == RK_E_NOMEM)
        advice = "; use a smaller batch, or close other programs that use the device";
    if (status == RK_E_DEVICE)
        advice = "; the device is lost: start again from the last checkpoint";
    return OCL_FAIL(e, status, code, "%s on %.100s: %s (%d)%s%s%.180s", what, d->info.name,
                    ocl_error_name(code), code, advice, d->notice.used ? "; driver: " : "",
                    d->notice.text);
}

rk_status ocl_async(rk_device *d, cl_int code, const char *what, rk_error *e)
{
    if (code == CL_SUCCESS) return RK_OK;
    rk_status status = ocl_status(d, code, what, &d->sticky);
    if (e) {
        uint32_t size = e->size;
        *e = d->sticky;
        e->size = size;
    }
    return status;
}

rk_status ocl_alive(rk_device *d, rk_error *e)
{
    if (d->sticky.code == RK_OK) return RK_OK;
    if (e) {
        uint32_t size = e->size;
        *e = d->sticky;
        e->size = size;
    }
    return d->sticky.code;
}
