#include "platform/platform.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "platform/card_side.hpp"
#include "platform/fault_source.hpp"
#include "platform/host_side.hpp"
#include "platform/pcie_link.hpp"

// SystemC's library has a main() that wants one; nobody calls it.
extern "C" __attribute__((visibility("default"))) int sc_main(int, char**) { return 1; }

namespace exalloc::sim {
namespace {

// SystemC elaborates once a context and has one current context in a process: each platform has its
// own, and is in it only under this lock.
std::mutex systemc_lock;

}  // namespace

struct platform::parts {
  struct modules {
    modules(const link_settings& s, process_memory& m, fault_source& f,
            const card_memory_settings& on_card)
        : memory("memory", m),
          root("root_complex", s),
          link("link", s, f),
          card("card", s, on_card, f) {
      root.to_link.bind(link.from_host);
      link.to_host.bind(root.from_link);
      root.memory.bind(memory.port);
      link.to_card.bind(card.registers);
      card.memory.bind(link.from_card);
    }
    host_memory memory;
    root_complex root;
    pcie_link link;
    card_side card;
  };

  explicit parts(fault_plan plan) : faults(std::move(plan)) {}

  // Makes the events happen that are due.
  void keep_up() {
    while (faults.next_event() <= now_ps()) {
      const event_rule event = faults.take_event();
      if (event.what == link_event::retrain) {
        m->link.retrain(event.at + event.lasts);
      } else {
        if (event.what == link_event::down)
          m->link.go_down(event.lasts == event_rule::for_good ? event.lasts
                                                              : event.at + event.lasts);
        m->card.reset();
      }
    }
  }

  fault_source faults;
  std::unique_ptr<sc_core::sc_simcontext> context;
  std::optional<modules> m;
  std::exception_ptr failure;
  std::shared_ptr<transaction_watcher> watcher;
  watching watched;
  bool paused = false;  // in this run
};

class platform::entered {
 public:
  explicit entered(parts& p)
      : lock_(systemc_lock),
        current_(sc_core::sc_curr_simcontext),
        default_(sc_core::sc_default_global_context) {
    current_watching = &p.watched;
    sc_core::sc_curr_simcontext = sc_core::sc_default_global_context = p.context.get();
  }
  ~entered() {
    current_watching = nullptr;
    sc_core::sc_curr_simcontext = current_;
    sc_core::sc_default_global_context = default_;
  }
  entered(const entered&) = delete;
  entered& operator=(const entered&) = delete;

 private:
  std::lock_guard<std::mutex> lock_;
  sc_core::sc_simcontext *current_, *default_;
};

platform::platform(const link_settings& link, process_memory& memory, fault_plan faults,
                   const card_memory_settings& on_card)
    : parts_(std::make_unique<parts>(std::move(faults))) {
  {
    std::lock_guard lock(systemc_lock);
    parts_->context = std::make_unique<sc_core::sc_simcontext>();
  }
  entered in(*parts_);
  sc_core::sc_set_time_resolution(1, sc_core::SC_PS);
  parts_->m.emplace(link, memory, parts_->faults, on_card);
  parts_->m->card.failed = [this](std::exception_ptr why) {
    parts_->failure = why;
    pause();
  };
}

platform::~platform() {
  entered in(*parts_);
  parts_->m.reset();
  parts_->context.reset();
}

picoseconds platform::now() const {
  entered in(*parts_);
  return now_ps();
}

void platform::write(std::uint32_t offset, std::uint32_t value) {
  entered in(*parts_);
  parts_->m->root.write(offset, value);
}

void platform::read(std::uint32_t offset, std::function<void(const register_answer&)> answered) {
  entered in(*parts_);
  parts_->m->root.read(offset, std::move(answered));
}

void platform::copy(const dma_job& job) {
  entered in(*parts_);
  parts_->m->card.dma().prepare(job);
  parts_->m->root.write(dma_doorbell, static_cast<std::uint32_t>(job.number));
}

std::byte* platform::on_card(std::uint64_t address, std::size_t bytes) {
  return parts_->m->card.on_card().at(address, bytes);
}

// SystemC knows nothing of coming faults, or it would never be idle before the last of them.
void platform::advance(picoseconds until, stop_at how) {
  {
    entered in(*parts_);
    parts& p = *parts_;
    p.paused = false;
    for (;;) {
      p.keep_up();
      p.m->card.look_at_kernels();
      const picoseconds stop = std::min(until, p.faults.next_event());
      const bool idle = how == stop_at::nothing_under_way && p.m->card.asleep() &&
                        !sc_core::sc_pending_activity();
      if (idle || stop <= now_ps() || p.failure) break;
      // What is under way may end after that: time passes all the same.
      const bool nothing_until_then =
          p.m->card.asleep() && sc_core::sc_time_to_pending_activity() > time_from_now(stop);
      const bool to_time = how == stop_at::time || nothing_until_then;
      sc_core::sc_start(time_from_now(stop),
                        to_time ? sc_core::SC_RUN_TO_TIME : sc_core::SC_EXIT_ON_STARVATION);
      if (p.paused || now_ps() < stop || stop == until) break;
    }
  }
  if (parts_->failure) std::rethrow_exception(parts_->failure);
}

void platform::run(picoseconds until) { advance(until, stop_at::time); }

void platform::run_what_is_under_way(picoseconds until) {
  advance(until, stop_at::nothing_under_way);
}

void platform::pause() {
  parts_->paused = true;
  sc_core::sc_pause();
}

const fault_source::counts& platform::injected() const { return parts_->faults.done(); }
std::vector<fault_source::rule_count> platform::injected_by_rule() const {
  return parts_->faults.done_by_rule();
}
bool platform::has_faults() const { return parts_->faults.any(); }

const std::string& platform::harm() const { return parts_->faults.harm(); }

picoseconds platform::longest_delay() const { return parts_->faults.longest_delay(); }

bool platform::quiet() const {
  entered in(*parts_);
  parts_->m->card.look_at_kernels();
  return parts_->m->card.asleep() && !sc_core::sc_pending_activity();
}

void platform::on_line(std::function<void(std::uint64_t)> told) {
  parts_->m->root.line_written = std::move(told);
}
void platform::on_interrupt(std::function<void()> told) {
  parts_->m->card.interrupt_rose = std::move(told);
}
bool platform::interrupt() const { return parts_->m->card.interrupt(); }

void platform::attach(unsigned stream_port, std::shared_ptr<stream_kernel>& kernel) {
  entered in(*parts_);
  parts_->m->card.attach(stream_port, kernel);
}

void platform::watch(std::shared_ptr<transaction_watcher> watcher) {
  entered in(*parts_);
  parts_->watcher = std::move(watcher);
  parts_->watched.watcher = parts_->watcher.get();
}

void platform::trace(const std::string& file) { parts_->m->card.rtl().trace(file); }

platform::traffic platform::counted() const {
  const auto& m = *parts_->m;
  return {m.link.down().bytes(), m.link.up().bytes(), m.card.rtl().cycles()};
}

}  // namespace exalloc::sim
