// The slab bank's specification, executable: one operation after the other, plain containers.
// It shares nothing with the RTL but the encodings.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace slab_bank {

enum class Op : uint8_t { kGrant, kRelease, kLink, kTrim, kOpen, kClose, kUnlink, kUndefined };

enum class Status : uint8_t {
  kOk = 0,
  kEmpty = 1,
  kDoubleFree = 2,
  kForeign = 3,
  kRange = 4,
  kDomain = 5,
  kBadList = 6,
  kSlabInUse = 12,
  kBadCommand = 13,
};

struct Request {
  Op op = Op::kGrant;
  int list = 0;
  int domain = 0;
  int slab = 0;
  uint64_t mask = 0;
  int limit = 0;
};

struct Response {
  Status status = Status::kOk;
  int slab = 0;       // meaningful for an accepted GRANT or TRIM, else the slab asked for
  uint64_t mask = 0;  // meaningful for an accepted GRANT
};

class Model {
 public:
  static constexpr int kNoOwner = -1;

  // Lists 0..usable_lists-1 can be opened.
  Model(int slabs, int slab_width, int usable_lists)
      : width_(slab_width), slabs_(slabs), lists_(usable_lists) {}

  Response Apply(const Request& request) {
    Response response{Status::kOk, request.slab, 0};
    response.status = Run(request, response);
    return response;
  }

  // Blocks free and linked; every one of them must also be reachable by grants.
  uint64_t FreeBlocks(int list) const {
    uint64_t count = 0;
    for (int slab : lists_[list].order) count += std::popcount(slabs_[slab].free);
    return count;
  }
  // Free blocks of a list that was closed and opened again before all its slabs were unlinked: no
  // grant finds them until the list is closed again and the slab unlinked.
  uint64_t StrandedBlocks(int list) const {
    uint64_t count = 0;
    for (const Slab& slab : slabs_) {
      if (slab.owner == list) count += std::popcount(slab.free);
    }
    return count - FreeBlocks(list);
  }
  uint64_t FreeMask(int slab) const { return slabs_[slab].free; }
  int Owner(int slab) const { return slabs_[slab].owner; }
  int Limit(int slab) const { return slabs_[slab].limit; }
  bool IsOpen(int list) const { return lists_[list].open; }

 private:
  struct Slab {
    int owner = kNoOwner;
    int limit = 0;
    uint64_t free = 0;
  };
  struct List {
    bool open = false;
    int domain = 0;
    std::vector<int> order;  // the head is at the back
  };

  Status Run(const Request& request, Response& response) {
    if (request.op == Op::kUndefined) return Status::kBadCommand;
    if (request.list >= static_cast<int>(lists_.size())) return Status::kBadList;
    List& list = lists_[request.list];
    Slab& slab = slabs_[request.slab];
    const bool wants_closed = request.op == Op::kOpen || request.op == Op::kUnlink;
    if (list.open == wants_closed) return Status::kBadList;

    switch (request.op) {
      case Op::kOpen:
        list = List{true, request.domain, {}};
        return Status::kOk;
      case Op::kClose:
        list = List{};
        return Status::kOk;
      case Op::kUnlink:
        if (slab.owner != request.list) return Status::kForeign;
        slab = Slab{};
        return Status::kOk;
      case Op::kLink:
        if (slab.owner != kNoOwner) return Status::kSlabInUse;
        slab = Slab{request.list, request.limit, Blocks(request.limit + 1)};
        list.order.push_back(request.slab);
        return Status::kOk;
      case Op::kTrim: {
        if (list.order.empty()) return Status::kEmpty;
        Slab& head = slabs_[list.order.back()];
        if (head.free != Blocks(width_)) return Status::kEmpty;
        response.slab = list.order.back();
        head = Slab{};
        list.order.pop_back();
        return Status::kOk;
      }
      case Op::kGrant: {
        if (list.domain != request.domain) return Status::kDomain;
        if (list.order.empty()) return Status::kEmpty;
        response.slab = list.order.back();
        uint64_t& free = slabs_[response.slab].free;
        uint64_t quarter = Blocks(width_ / 4);
        while ((free & quarter) == 0) quarter <<= width_ / 4;
        response.mask = free & quarter;
        free &= ~quarter;
        if (free == 0) list.order.pop_back();
        return Status::kOk;
      }
      case Op::kRelease: {
        if (list.domain != request.domain) return Status::kDomain;
        if (slab.owner != request.list) return Status::kForeign;
        if (request.mask == 0 || 63 - std::countl_zero(request.mask) > slab.limit) {
          return Status::kRange;
        }
        if ((slab.free & request.mask) != 0) return Status::kDoubleFree;
        if (slab.free == 0) list.order.push_back(request.slab);
        slab.free |= request.mask;
        return Status::kOk;
      }
      default:
        return Status::kBadCommand;
    }
  }

  // The first `count` blocks of a slab
  static uint64_t Blocks(int count) { return ~uint64_t{0} >> (64 - count); }

  int width_;
  std::vector<Slab> slabs_;
  std::vector<List> lists_;
};

}  // namespace slab_bank
