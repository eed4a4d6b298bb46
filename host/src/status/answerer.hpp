// The library's thread that fills in the status page's rows when a reader asks.
#pragma once

#include "core.hpp"

namespace exalloc {

// Starts it, if anybody can read the page; to be called once, when the card is open. It sleeps
// until it is asked, handles no signal, and is never ended: it does not keep the process alive. If
// there is no thread to be had, that is reported, and readers see tags only.
void start_answering(core& c) noexcept;

}  // namespace exalloc
