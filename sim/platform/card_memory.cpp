#include "platform/card_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace exalloc::sim {

banked_memory::banked_memory(sc_core::sc_module_name name, const card_memory_settings& s)
    : sc_module(name),
      settings_(s),
      storage_(nullptr, unmap{s.bytes()}),
      busy_until_(s.banks),
      done_("done", std::nullopt, [this](transfer& t) {
        access(t);
        auto* const who = port[static_cast<int>(t.asker)];
        answer(who, t);
      }) {
  port.register_nb_transport_fw(this, &banked_memory::asked);
}

void banked_memory::unmap::operator()(std::byte* first) const { ::munmap(first, bytes); }

std::byte* banked_memory::at(std::uint64_t address, std::size_t bytes) {
  const std::uint64_t offset = address - card_memory_base;
  if (address < card_memory_base || offset > settings_.bytes() ||
      bytes > settings_.bytes() - offset)
    return nullptr;
  if (storage_ == nullptr) {
    void* const all = ::mmap(nullptr, settings_.bytes(), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) throw std::bad_alloc();
    storage_.reset(static_cast<std::byte*>(all));
  }
  return storage_.get() + offset;
}

tlm::tlm_sync_enum banked_memory::asked(int who, tlm::tlm_generic_payload& p, tlm::tlm_phase& phase,
                                        sc_core::sc_time&) {
  transfer& t = as_transfer(p);
  t.asker = static_cast<unsigned>(who);
  picoseconds begins = now_ps(), moves = 0;
  if (at(t.get_address(), t.get_data_length()) != nullptr) {
    picoseconds& busy_until =
        busy_until_[(t.get_address() - card_memory_base) / settings_.bank_bytes];
    begins = std::max(begins, busy_until);
    moves = settings_.transfer_time(t.get_data_length());
    busy_until = begins + moves;
  }
  done_.put(t, begins + moves + settings_.latency_ns * ps_per_ns);
  return taken(phase);
}

void banked_memory::access(transfer& t) {
  std::byte* const here = at(t.get_address(), t.get_data_length());
  if (here == nullptr) return t.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  if (t.is_read()) {
    std::memcpy(t.get_data_ptr(), here, t.get_data_length());
  } else {
    std::memcpy(here, t.get_data_ptr(), t.get_data_length());
  }
  t.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace exalloc::sim
