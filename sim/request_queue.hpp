// Requests to something that only one thread at a time may use, served in the order they came.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace exalloc::sim {

// Whoever comes first serves, its own request and then those that have come meanwhile: they need
// not be woken to be served. After some it leaves the rest to the first of them, so that nobody
// serves others for ever. A thread alone never waits.
class request_queue {
 public:
  static constexpr unsigned most_for_others = 32;

  // Runs `work` when all that was asked before is done, in this thread or in another one; returns
  // what it returns, and throws what it throws.
  template <typename function>
  std::invoke_result_t<function&> run(function&& work) {
    using result = std::invoke_result_t<function&>;
    if constexpr (std::is_void_v<result>) {
      one<std::remove_reference_t<function>> mine(work);
      serve(mine);
    } else {
      std::optional<result> out;
      auto keep = [&] { out.emplace(work()); };
      one<decltype(keep)> mine(keep);
      serve(mine);
      return std::move(*out);
    }
  }

  // Requests that wait for another one to end.
  unsigned waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  struct request {
    virtual ~request() = default;
    virtual void call() = 0;

    enum { waits, is_done, may_serve } state = waits;
    std::condition_variable changed;
    std::exception_ptr failure;
    request* next = nullptr;
  };
  template <typename function>
  struct one final : request {
    explicit one(function& of) : work(of) {}
    void call() override { work(); }
    function& work;
  };

  void serve(request& mine);
  static void execute(request& r);
  request& take_first();

  std::mutex mutex_;
  bool somebody_serves_ = false;
  request *first_ = nullptr, *last_ = nullptr;  // that wait
  unsigned waiting_ = 0;
};

}  // namespace exalloc::sim
