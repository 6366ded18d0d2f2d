/* What the code of a failed OpenCL call means: one table, by what was asked. */
#include "device.h"

#include <stdio.h>

#define NVIDIA_FAULT (-9999) /* NVIDIA: a kernel read or wrote where it must not */

const char *ocl_error_name(cl_int e) {
  static const struct {
    cl_int code;
    const char *name;
  } names[] = {{-1, "device not found"},
               {-2, "device not available"},
               {-3, "compiler not available"},
               {-4, "memory object allocation failure"},
               {-5, "out of resources"},
               {-6, "out of host memory"},
               {-9, "image format not supported"},
               {-11, "build program failure"},
               {-12, "map failure"},
               {-13, "misaligned sub-buffer offset"},
               {-14, "an earlier command failed"},
               {-30, "invalid value"},
               {-33, "invalid device"},
               {-34, "invalid context"},
               {-35, "invalid queue properties"},
               {-36, "invalid command queue"},
               {-38, "invalid memory object"},
               {-42, "invalid binary"},
               {-43, "invalid build options"},
               {-44, "invalid program"},
               {-45, "invalid program executable"},
               {-46, "invalid kernel name"},
               {-48, "invalid kernel"},
               {-49, "invalid argument index"},
               {-50, "invalid argument value"},
               {-51, "invalid argument size"},
               {-52, "kernel arguments are not set"},
               {-53, "invalid work dimension"},
               {-54, "invalid work-group size"},
               {-55, "invalid work-item size"},
               {-56, "invalid global offset"},
               {-58, "invalid event"},
               {-59, "invalid operation"},
               {-61, "invalid buffer size"},
               {-63, "invalid global work size"},
               {-1001, "no driver registered"},
               {-2046, "CLBlast needs more local memory"},
               {NVIDIA_FAULT, "illegal read or write by a kernel"}};
  static _Thread_local char other[40];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].code == e) return names[i].name;
  /* CLBlast's own codes are -1024 to -1007 and -2050 to -2039 (clblast_c.h). */
  snprintf(other, sizeof other, "%s error %d", e <= -1007 && e >= -2050 ? "CLBlast's" : "OpenCL",
           (int)e);
  return other;
}

/* The device cannot be worked with any more, whatever was asked. */
bool ocl_error_is_lost(cl_int e) {
  return e == CL_DEVICE_NOT_AVAILABLE || e == CL_INVALID_CONTEXT || e == CL_INVALID_COMMAND_QUEUE ||
         e == NVIDIA_FAULT;
}

static bool is_memory(cl_int e) {
  return e == CL_MEM_OBJECT_ALLOCATION_FAILURE || e == CL_OUT_OF_HOST_MEMORY;
}

static lp_status stick(lp_device *dev, lp_status status, cl_int e, const char *what,
                       const char *meaning) {
  dev->broken = status;
  snprintf(dev->reason, sizeof dev->reason, "%s (%.80s): %.60s: %s%s", dev->info.id, dev->info.name,
           what, ocl_error_name(e), meaning);
  return ocl_check(dev);
}

static lp_status failed_late(lp_device *dev, cl_int e, const char *what) {
  if (is_memory(e)) return stick(dev, LP_ERR_MEMORY, e, what, "; lower the batch size");
  return stick(dev, LP_ERR_DEVICE, e, what,
               e == CL_OUT_OF_RESOURCES || e == NVIDIA_FAULT || e == CL_INVALID_COMMAND_QUEUE
                   ? ": a kernel failed or ran too long"
                   : "");
}

lp_status ocl_fail_at(lp_device *dev, ocl_call call, cl_int e, const char *what) {
  if (dev->broken != LP_OK) return ocl_check(dev); /* the first failure is the cause */
  if (call == OCL_WAIT) return failed_late(dev, e, what);
  if (ocl_error_is_lost(e)) return stick(dev, LP_ERR_DEVICE, e, what, "; the device is lost");
  /* Was it this command that was refused, or does the driver report an earlier one? */
  cl_int earlier = call == OCL_ENQUEUE && dev->queue ? clFinish(dev->queue) : CL_SUCCESS;
  if (earlier != CL_SUCCESS) return failed_late(dev, earlier, what);
  if (is_memory(e) || (call == OCL_CALL && e == CL_OUT_OF_RESOURCES))
    return ocl_host->fail(LP_ERR_MEMORY, "%s: %s: %s; lower the batch size", dev->info.id, what,
                          ocl_error_name(e));
  if (call == OCL_ENQUEUE)
    return ocl_host->fail(
        LP_ERR_UNSUPPORTED,
        "%s (%.80s) refuses %s: %s; try --tune, which finds other kernels, or another "
        "device",
        dev->info.id, dev->info.name, what, ocl_error_name(e));
  return ocl_host->fail(LP_ERR_DEVICE, "%s (%.80s): %s: %s", dev->info.id, dev->info.name, what,
                        ocl_error_name(e));
}

lp_status ocl_fail(lp_device *dev, cl_int e, const char *what) {
  return ocl_fail_at(dev, OCL_CALL, e, what);
}

lp_status ocl_check(lp_device *dev) {
  return dev->broken == LP_OK ? LP_OK : ocl_host->fail(dev->broken, "%s", dev->reason);
}
