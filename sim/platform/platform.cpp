#include "platform/platform.hpp"

#include <exception>
#include <mutex>
#include <optional>

#include "platform/card_side.hpp"
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
    modules(const link_settings& s, process_memory& m)
        : memory("memory", m), root("root_complex", s), link("link", s), card("card", s) {
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

platform::platform(const link_settings& link, process_memory& memory)
    : parts_(std::make_unique<parts>()) {
  {
    std::lock_guard lock(systemc_lock);
    parts_->context = std::make_unique<sc_core::sc_simcontext>();
  }
  entered in(*parts_);
  sc_core::sc_set_time_resolution(1, sc_core::SC_PS);
  parts_->m.emplace(link, memory);
  parts_->m->card.failed = [this](std::exception_ptr why) {
    parts_->failure = why;
    sc_core::sc_pause();
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

void platform::run(picoseconds until) {
  {
    entered in(*parts_);
    parts_->m->card.look_at_kernels();
    if (until > now_ps() && !parts_->failure)
      sc_core::sc_start(time_from_now(until), sc_core::SC_RUN_TO_TIME);
  }
  if (parts_->failure) std::rethrow_exception(parts_->failure);
}

void platform::run_what_is_under_way(picoseconds until) {
  {
    entered in(*parts_);
    parts_->m->card.look_at_kernels();
    const bool under_way = !parts_->m->card.asleep() || sc_core::sc_pending_activity();
    parts_->paused = false;
    if (under_way && until > now_ps() && !parts_->failure)
      sc_core::sc_start(time_from_now(until), sc_core::SC_EXIT_ON_STARVATION);
    // What is left begins after `until`: SystemC takes that for starvation.
    if (sc_core::sc_pending_activity() && until > now_ps() && !parts_->failure && !parts_->paused)
      sc_core::sc_start(time_from_now(until), sc_core::SC_RUN_TO_TIME);
  }
  if (parts_->failure) std::rethrow_exception(parts_->failure);
}

void platform::pause() {
  parts_->paused = true;
  sc_core::sc_pause();
}

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
