/*
** CURLcode to kind: one table.
*/

#include "failure.h"
#include "curlapi.h"

typedef struct Failure {
  int code;
  int transient; /* worth another attempt, where a repeat does no harm */
  const char *kind;
  const char *text; /* NULL: libcurl's */
} Failure;

static const Failure failures[] = {
  { PA_CANCELLED, 0, "cancelled", "the call was cancelled" },
  { PA_INTERRUPTED, 0, "interrupted", "the call was interrupted" },
  { PA_DEADLINE, 0, "timeout", "no answer within the call's time" },
  { PA_OVERFLOW, 0, "too_large", "the answer is larger than allowed" },
  { CURLE_FILESIZE_EXCEEDED, 0, "too_large",
    "the answer is larger than allowed" },
  /* libcurl 8.6's CURLE_TOO_LARGE, which older headers lack */
  { 100, 0, "too_large", "the answer is larger than allowed" },
  /* also what libcurl says of a header line beyond its own bounds */
  { CURLE_OUT_OF_MEMORY, 0, "too_large",
    "no memory for the exchange, or a header line was too long" },
  { CURLE_COULDNT_RESOLVE_HOST, 1, "resolve", NULL },
  /* libcurl's sentence may quote the proxy's URL, with its password */
  { CURLE_COULDNT_RESOLVE_PROXY, 1, "resolve",
    "the proxy's name was not found" },
  { CURLE_COULDNT_CONNECT, 1, "connect", NULL },
  { CURLE_PROXY, 1, "connect", NULL },
  { CURLE_OPERATION_TIMEDOUT, 1, "timeout", NULL },
  /* the handshake broke off; for a certificate there are other codes */
  { CURLE_SSL_CONNECT_ERROR, 1, "tls", NULL },
  { CURLE_PEER_FAILED_VERIFICATION, 0, "tls", NULL },
  { CURLE_SSL_CERTPROBLEM, 0, "tls", NULL },
  { CURLE_SSL_CIPHER, 0, "tls", NULL },
  { CURLE_USE_SSL_FAILED, 0, "tls", NULL },
  { CURLE_SSL_ENGINE_NOTFOUND, 0, "tls", NULL },
  { CURLE_SSL_ENGINE_SETFAILED, 0, "tls", NULL },
  { CURLE_SSL_ENGINE_INITFAILED, 0, "tls", NULL },
  { CURLE_SSL_CACERT_BADFILE, 0, "tls", NULL },
  { CURLE_SSL_CRL_BADFILE, 0, "tls", NULL },
  { CURLE_SSL_ISSUER_ERROR, 0, "tls", NULL },
  { CURLE_SSL_INVALIDCERTSTATUS, 0, "tls", NULL },
  { CURLE_SSL_CLIENTCERT, 0, "tls", NULL },
  { CURLE_PARTIAL_FILE, 1, "network", NULL },
  { CURLE_GOT_NOTHING, 1, "network", NULL },
  { CURLE_SEND_ERROR, 1, "network", NULL },
  { CURLE_RECV_ERROR, 1, "network", NULL },
  { CURLE_INTERFACE_FAILED, 1, "network", NULL },
  { CURLE_UNSUPPORTED_PROTOCOL, 0, "protocol", NULL },
  { CURLE_URL_MALFORMAT, 0, "protocol", NULL },
  { CURLE_WEIRD_SERVER_REPLY, 0, "protocol", NULL },
  { CURLE_BAD_CONTENT_ENCODING, 0, "protocol", NULL },
  { CURLE_HTTP2, 0, "protocol", NULL },
};

static const Failure other = { 0, 0, "network", NULL };


static const Failure *find (int code) {
  size_t i;
  for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
    if (failures[i].code == code)
      return &failures[i];
  return &other;
}


int pa_pushfailure (lua_State *L, int code, const char *detail) {
  const Failure *f = find(code);
  const char *text = f->text != NULL ? f->text : detail;
  if (text[0] == '\0')
    text = curl_easy_strerror((CURLcode)code);
  lua_pushstring(L, f->kind);
  lua_pushstring(L, text);
  lua_pushboolean(L, f->transient);
  return 3;
}
