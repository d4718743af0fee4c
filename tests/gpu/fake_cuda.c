/* A made-up libcuda.so.1 for tests of gpu-check: the devices are those of CUDA_VISIBLE_DEVICES, or of FAKE_CUDA_ALL
 * where that is not set. What is taken is noted in FAKE_GPU_CLAIMS, where the made-up NVML finds it (fake_nvml.py).
 * A device has FAKE_CUDA_TOTAL bytes, and no more is given. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 16
#define OUT_OF_MEMORY 2
#define NO_DEVICE 100

static char uuids[MOST][64];
static size_t taken[MOST];
static int count, current;

static size_t total(void) { return strtoull(getenv("FAKE_CUDA_TOTAL"), NULL, 10); }

int cuInit(unsigned flags) {
    (void)flags;
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    char list[1024];
    snprintf(list, sizeof list, "%s", visible != NULL ? visible : getenv("FAKE_CUDA_ALL"));
    count = 0;
    for (char *word = strtok(list, ","); word != NULL && count < MOST; word = strtok(NULL, ","))
        snprintf(uuids[count++], sizeof uuids[0], "%s", word);
    return count > 0 ? 0 : NO_DEVICE;
}

int cuDeviceGetCount(int *found) { *found = count; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceTotalMem_v2(size_t *found, int device) { (void)device; *found = total(); return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuMemsetD8_v2(uint64_t pointer, unsigned char value, size_t size) { (void)pointer, (void)value, (void)size; return 0; }

int cuDeviceGetUuid_v2(unsigned char *data, int device) {
    const char *at = uuids[device] + strlen("GPU-");
    for (int i = 0; i < 16; at += 2) {
        if (*at == '-') at++;
        unsigned byte;
        sscanf(at, "%2x", &byte);
        data[i++] = (unsigned char)byte;
    }
    return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)(intptr_t)(device + 1); return 0; }
int cuCtxSetCurrent(void *context) { current = (int)(intptr_t)context - 1; return 0; }

/* What all processes together have of a device. */
static size_t claimed(const char *uuid) {
    size_t sum = 0;
    DIR *folder = opendir(getenv("FAKE_GPU_CLAIMS"));
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char path[2048], name[64];
        size_t size;
        snprintf(path, sizeof path, "/proc/%s", entry->d_name);
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || access(path, F_OK) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", getenv("FAKE_GPU_CLAIMS"), entry->d_name);
        FILE *file = fopen(path, "r");
        while (file != NULL && fscanf(file, "%63s %zu", name, &size) == 2)
            if (strcmp(name, uuid) == 0) sum += size;
        if (file != NULL) fclose(file);
    }
    if (folder != NULL) closedir(folder);
    return sum;
}

int cuMemAlloc_v2(uint64_t *pointer, size_t size) {
    if (claimed(uuids[current]) + size > total()) return OUT_OF_MEMORY;
    taken[current] += size;
    *pointer = 1;
    char path[2048], new_path[2048];
    snprintf(path, sizeof path, "%s/%d", getenv("FAKE_GPU_CLAIMS"), (int)getpid());
    snprintf(new_path, sizeof new_path, "%s/new-%d", getenv("FAKE_GPU_CLAIMS"), (int)getpid());
    FILE *file = fopen(new_path, "w");
    if (file == NULL) return OUT_OF_MEMORY;
    for (int device = 0; device < count; device++) fprintf(file, "%s %zu\n", uuids[device], taken[device]);
    fclose(file);
    return rename(new_path, path) == 0 ? 0 : OUT_OF_MEMORY;
}
