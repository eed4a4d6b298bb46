#include "platform/dma_engine.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace exalloc::sim {
namespace {

constexpr unsigned most_under_way = 32;  // pieces: they cover the link's round trip
constexpr unsigned line_bytes = 64;

}  // namespace

dma_engine::dma_engine(sc_core::sc_module_name name) : sc_module(name) {
  to_host.register_nb_transport_bw(this, &dma_engine::host_answers);
  to_memory.register_nb_transport_bw(this, &dma_engine::memory_answers);
}

void dma_engine::prepare(const dma_job& job) {
  reset();
  prepared_ = job;
}

void dma_engine::doorbell() {
  if (!prepared_) return;
  job_ = std::exchange(prepared_, std::nullopt);
  if (!job_->to_card) {
    const unsigned before = job_->card_address % line_bytes;
    job_->card_address -= before;
    job_->host_address -= before;
    job_->bytes = (job_->bytes + before + line_bytes - 1) / line_bytes * line_bytes;
  }
  go_on();
}

void dma_engine::reset() {
  prepared_.reset();
  job_.reset();
  ++life_;
  next_ = under_way_ = 0;
  failed_ = false;
}

transfer& dma_engine::make(tlm::tlm_command command, std::uint64_t address, unsigned bytes) {
  transfer& t = pool_.get(command, address, bytes);
  t.card_life = life_;
  return t;
}

void dma_engine::go_on() {
  const dma_job& j = *job_;
  while (next_ < j.bytes && under_way_ < most_under_way) {
    const std::uint64_t at = j.card_address + next_;
    const unsigned bytes =
        std::min<unsigned>(transfer::most_bytes - at % transfer::most_bytes, j.bytes - next_);
    ++under_way_;
    if (j.to_card) {
      request(to_host, make(tlm::TLM_READ_COMMAND, j.host_address + next_, bytes));
    } else {
      request(to_memory, make(tlm::TLM_READ_COMMAND, at, bytes));
    }
    next_ += bytes;
  }
  if (under_way_ != 0) return;
  transfer& end = make(tlm::TLM_WRITE_COMMAND, j.status_address, line_bytes);
  const std::uint64_t status = failed_ ? ~j.number : j.number;
  end.data.fill(0);
  std::memcpy(end.data.data(), &status, sizeof status);
  job_.reset();
  request(to_host, end);
}

template <typename socket>
void dma_engine::take(transfer& t, socket& other_side, std::uint64_t other_first,
                      std::uint64_t this_first) {
  if (t.ok() && t.is_read()) {
    transfer& write = make(tlm::TLM_WRITE_COMMAND, other_first + (t.get_address() - this_first),
                           t.get_data_length());
    write.data = t.data;
    t.release();
    return request(other_side, write);
  }
  failed_ = failed_ || !t.ok();
  t.release();
  --under_way_;
  go_on();
}

tlm::tlm_sync_enum dma_engine::host_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&) {
  transfer& t = as_transfer(p);
  if (t.card_life != life_ || !job_) {
    t.release();
  } else {
    take(t, to_memory, job_->card_address, job_->host_address);
  }
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum dma_engine::memory_answers(payload& p, tlm::tlm_phase&, sc_core::sc_time&) {
  transfer& t = as_transfer(p);
  if (t.card_life != life_ || !job_) {
    t.release();
  } else {
    take(t, to_host, job_->host_address, job_->card_address);
  }
  return tlm::TLM_COMPLETED;
}

}  // namespace exalloc::sim
