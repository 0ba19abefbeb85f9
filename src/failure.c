/*
** CURLcode to kind: one table.
*/

#include "failure.h"
#include "curlapi.h"

typedef struct Failure {
  int code;
  const char *kind;
  int transient;    /* worth another attempt, where a repeat does no harm */
  const char *text; /* NULL: libcurl's */
} Failure;

static const Failure failures[] = {
  { PA_CANCELLED, "cancelled", 0, "the call was cancelled" },
  { PA_INTERRUPTED, "interrupted", 0, "the call was interrupted" },
  { PA_DEADLINE, "timeout", 0, "no answer within the call's time" },
  { PA_OVERFLOW, "too_large", 0, "the answer is larger than allowed" },
  { CURLE_FILESIZE_EXCEEDED, "too_large", 0,
    "the answer is larger than allowed" },
  /* also what libcurl says of a header line beyond its own bounds */
  { CURLE_OUT_OF_MEMORY, "too_large", 0,
    "no memory for the exchange, or a header line was too long" },
  { CURLE_COULDNT_RESOLVE_HOST, "resolve", 1, NULL },
  /* libcurl's sentence may quote the proxy's URL, with its password */
  { CURLE_COULDNT_RESOLVE_PROXY, "resolve", 1,
    "the proxy's name was not found" },
  { CURLE_COULDNT_CONNECT, "connect", 1, NULL },
  { CURLE_PROXY, "connect", 1, NULL },
  { CURLE_OPERATION_TIMEDOUT, "timeout", 1, NULL },
  /* the handshake broke off; for a certificate there are other codes */
  { CURLE_SSL_CONNECT_ERROR, "tls", 1, NULL },
  { CURLE_PEER_FAILED_VERIFICATION, "tls", 0, NULL },
  { CURLE_SSL_CERTPROBLEM, "tls", 0, NULL },
  { CURLE_SSL_CIPHER, "tls", 0, NULL },
  { CURLE_USE_SSL_FAILED, "tls", 0, NULL },
  { CURLE_SSL_ENGINE_NOTFOUND, "tls", 0, NULL },
  { CURLE_SSL_ENGINE_SETFAILED, "tls", 0, NULL },
  { CURLE_SSL_ENGINE_INITFAILED, "tls", 0, NULL },
  { CURLE_SSL_CACERT_BADFILE, "tls", 0, NULL },
  { CURLE_SSL_CRL_BADFILE, "tls", 0, NULL },
  { CURLE_SSL_ISSUER_ERROR, "tls", 0, NULL },
  { CURLE_SSL_INVALIDCERTSTATUS, "tls", 0, NULL },
  { CURLE_SSL_CLIENTCERT, "tls", 0, NULL },
  { CURLE_PARTIAL_FILE, "network", 1, NULL },
  { CURLE_GOT_NOTHING, "network", 1, NULL },
  { CURLE_SEND_ERROR, "network", 1, NULL },
  { CURLE_RECV_ERROR, "network", 1, NULL },
  { CURLE_INTERFACE_FAILED, "network", 1, NULL },
  { CURLE_UNSUPPORTED_PROTOCOL, "protocol", 0, NULL },
  { CURLE_URL_MALFORMAT, "protocol", 0, NULL },
  { CURLE_WEIRD_SERVER_REPLY, "protocol", 0, NULL },
  { CURLE_BAD_CONTENT_ENCODING, "protocol", 0, NULL },
  { CURLE_HTTP2, "protocol", 0, NULL },
};

static const Failure other = { 0, "network", 0, NULL };


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
