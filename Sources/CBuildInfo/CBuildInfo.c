#include "CBuildInfo.h"

#ifndef SVC_INDEX_COMMIT
#define SVC_INDEX_COMMIT "unknown"
#endif

const char *svc_index_build_commit(void) {
    return SVC_INDEX_COMMIT;
}
