// What the card finds out about pool blocks later, as bug checks.
#pragma once

namespace exalloc {

// From now on errors that are about a pool block are kept for raise_findings(), instead of going to
// the error handler: they are found in functions through which a bug check's handler may not throw.
void take_findings() noexcept;
// Bug checks for those kept, one after the other. Without locks; a handler may throw or jump.
void raise_findings();

}  // namespace exalloc
