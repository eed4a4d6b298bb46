// Catches bug checks and raised statuses while it lives: as exceptions, or kept in a list.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <vector>

#include "exalloc/bugcheck.h"
#include "exalloc/exalloc.h"

struct bug : std::exception {
  explicit bug(const exalloc_bug_check& c)
      : code(c.code),
        parameters{c.parameters[0], c.parameters[1], c.parameters[2], c.parameters[3]},
        block(c.block),
        tag(c.tag),
        token(c.token),
        text(c.what) {}
  const char* what() const noexcept override { return text.c_str(); }

  ULONG code;
  std::array<ULONG_PTR, 4> parameters;
  void* block;
  ULONG tag;
  std::uint32_t token;
  std::string text;
};

// Every bug check is thrown as a `bug`.
class bug_trap {
 public:
  bug_trap() {
    exalloc_set_bug_check_handler([](const exalloc_bug_check* c, void*) { throw bug(*c); },
                                  nullptr);
  }
  ~bug_trap() { exalloc_set_bug_check_handler(nullptr, nullptr); }
  bug_trap(const bug_trap&) = delete;
  bug_trap& operator=(const bug_trap&) = delete;

  // The bug check of a call; code 0 if there was none.
  template <class Call>
  static bug of(Call&& call) {
    try {
      call();
    } catch (const bug& b) {
      return b;
    }
    exalloc_bug_check none{};
    none.what = "no bug check";
    return bug(none);
  }
};

// Every bug check is kept, and its handler returns.
class bug_log {
 public:
  bug_log() {
    exalloc_set_bug_check_handler(
        [](const exalloc_bug_check* c, void* self) {
          auto* log = static_cast<bug_log*>(self);
          const std::lock_guard lock(log->mutex_);
          log->bugs_.emplace_back(*c);
        },
        this);
  }
  ~bug_log() { exalloc_set_bug_check_handler(nullptr, nullptr); }
  bug_log(const bug_log&) = delete;
  bug_log& operator=(const bug_log&) = delete;

  std::vector<bug> bugs() const {
    const std::lock_guard lock(mutex_);
    return bugs_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<bug> bugs_;
};

struct raised {
  NTSTATUS status;
};
// Every raised status is thrown as `raised`.
class raise_trap {
 public:
  raise_trap() {
    exalloc_set_raise_handler([](NTSTATUS status, void*) { throw raised{status}; }, nullptr);
  }
  ~raise_trap() { exalloc_set_raise_handler(nullptr, nullptr); }
  raise_trap(const raise_trap&) = delete;
  raise_trap& operator=(const raise_trap&) = delete;

  // The status that a call raises; STATUS_SUCCESS if it does not.
  template <class Call>
  static NTSTATUS of(Call&& call) {
    try {
      call();
    } catch (const raised& r) {
      return r.status;
    }
    return STATUS_SUCCESS;
  }
};
