// What the tag counters say of one tag.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "exalloc/pool.h"

constexpr ULONG pool_tag(std::string_view text) {
  ULONG tag = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    tag |= static_cast<ULONG>(static_cast<unsigned char>(text[i])) << (8 * i);
  return tag;
}

inline exalloc_tag_usage usage_of(ULONG tag, POOL_TYPE kind) {
  std::vector<exalloc_tag_usage> rows(exalloc_pool_tags(nullptr, 0) + 64);
  rows.resize(std::min(rows.size(), exalloc_pool_tags(rows.data(), rows.size())));
  for (const exalloc_tag_usage& row : rows)
    if (row.tag == tag && row.kind == kind) return row;
  return {tag, kind, 0, 0, 0};
}
