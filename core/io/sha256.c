/* SHA-256 through libcrypto. */
#include <locality/io.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

static void to_hex(const unsigned char digest[32], char hex[65]) {
  static const char digit[] = "0123456789abcdef";
  for (int i = 0; i < 32; i++) {
    hex[2 * i] = digit[digest[i] >> 4];
    hex[2 * i + 1] = digit[digest[i] & 15];
  }
  hex[64] = 0;
}

lp_status lp_sha256(const void *data, size_t n, char hex[65]) {
  unsigned char digest[32];
  if (EVP_Digest(data, n, digest, NULL, EVP_sha256(), NULL) != 1)
    return lp_fail(LP_ERR_UNSUPPORTED, "libcrypto cannot compute SHA-256");
  to_hex(digest, hex);
  return LP_OK;
}

static lp_status hash_fd(int fd, const char *path, EVP_MD_CTX *ctx, char hex[65]) {
  unsigned char buf[1 << 16], digest[32];
  bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
  while (good) {
    ssize_t k = read(fd, buf, sizeof buf);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return lp_fail(LP_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    if (k == 0) break;
    good = EVP_DigestUpdate(ctx, buf, (size_t)k) == 1;
  }
  if (!good || EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
    return lp_fail(LP_ERR_UNSUPPORTED, "libcrypto cannot compute SHA-256");
  to_hex(digest, hex);
  return LP_OK;
}

lp_status lp_sha256_file(const char *path, char hex[65]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return lp_fail(LP_ERR_IO, "cannot open %s: %s", path, strerror(errno));
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  lp_status s = hash_fd(fd, path, ctx, hex);
  EVP_MD_CTX_free(ctx);
  close(fd);
  return s;
}
