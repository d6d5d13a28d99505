/* Blobs of backends, such as compiled programs, kept between processes.
 *
 * One file per key, named by the key's digest.  It holds the whole key and a checksum: a collision,
 * a file of another version or a damaged one is a miss, and the next put replaces it. */
#include "base/os.h"
#include "base/text.h"
#include "device/hub.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char TAG[8] = {'r', 'k', '-', 'b', 'l', 'o', 'b', '1'};
typedef struct header {
    char tag[8];
    uint64_t key_bytes, blob_bytes, checksum; /* XXH3-64 of key and blob */
} header;

static bool path_of(const void *key, size_t key_bytes, char *folder, char *path)
{
    char root[RK_PATH_MAX], name[33];
    rk_digest_hex(key, key_bytes, name);
    return rk_os_cache_dir(root) && rk_os_join(folder, root, "blobs") &&
           rk_os_join(path, folder, name);
}

/* The file's bytes if its header fits its length and the key is this one. */
static unsigned char *read_entry(const char *path, const void *key, size_t key_bytes, header *h)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    unsigned char *body = NULL;
    bool fits = fread(h, sizeof *h, 1, f) == 1 && memcmp(h->tag, TAG, sizeof h->tag) == 0 &&
                h->key_bytes == key_bytes && h->blob_bytes < (uint64_t)1 << 32;
    size_t bytes = fits ? key_bytes + (size_t)h->blob_bytes : 0;
    if (fits) body = malloc(bytes ? bytes : 1);
    fits = body && fread(body, 1, bytes, f) == bytes && fgetc(f) == EOF &&
           memcmp(body, key, key_bytes) == 0 && XXH3_64bits(body, bytes) == h->checksum;
    fclose(f);
    if (fits) return body;
    free(body);
    return NULL;
}

int rk_cache_get(const void *key, size_t key_bytes, void *buf, size_t *n)
{
    char folder[RK_PATH_MAX], path[RK_PATH_MAX];
    header h;
    if (!path_of(key, key_bytes, folder, path)) return 0;
    unsigned char *body = read_entry(path, key, key_bytes, &h);
    if (!body) return 0;
    if (h.blob_bytes && h.blob_bytes <= *n) memcpy(buf, body + key_bytes, (size_t)h.blob_bytes);
    *n = (size_t)h.blob_bytes;
    free(body);
    return 1;
}

/* A cache that cannot be written is as good as none: nobody is told. */
void rk_cache_put(const void *key, size_t key_bytes, const void *buf, size_t n)
{
    char folder[RK_PATH_MAX], path[RK_PATH_MAX];
    header h = {.key_bytes = key_bytes, .blob_bytes = n};
    memcpy(h.tag, TAG, sizeof h.tag);
    if (!path_of(key, key_bytes, folder, path) || rk_os_mkdirs(folder, NULL) != RK_OK) return;
    unsigned char *file = malloc(sizeof h + key_bytes + n);
    if (!file) return;
    memcpy(file + sizeof h, key, key_bytes);
    if (n) memcpy(file + sizeof h + key_bytes, buf, n);
    h.checksum = XXH3_64bits(file + sizeof h, key_bytes + n);
    memcpy(file, &h, sizeof h);
    rk_os_write_atomic(path, file, sizeof h + key_bytes + n, NULL);
    free(file);
}
