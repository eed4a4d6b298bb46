// The process's own status page: made at the first use of a card, gone with the process.
#pragma once

#include <atomic>
#include <cstdint>

#include "status/status_layout.hpp"

namespace exalloc {

namespace detail {
extern constinit std::atomic<status::page*> made_status_page;
status::page& make_status_page() noexcept;
}  // namespace detail

// Always there: without shared memory (EXALLOC_STATUS=0, or none to be had, which is reported once)
// it is private memory that nobody else can read. Never destroyed.
inline status::page& status_page() noexcept {
  status::page* page = detail::made_status_page.load(std::memory_order_acquire);
  return page != nullptr ? *page : detail::make_status_page();
}

// To be called before counts[writer] is first written to, once a writer: takes the memory, so that
// a full /dev/shm is noticed here and not by a signal. The last writer is prepared with the page.
void prepare_status_writer(std::uint32_t writer) noexcept;

// Whether other processes can read the page.
bool status_page_is_shared() noexcept;

}  // namespace exalloc
