#pragma once

/// The commit this was built from, as the package manifest found it; "unknown" outside a checkout.
const char *svc_index_build_commit(void);
