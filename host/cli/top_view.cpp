#include "top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "status_tables.hpp"

namespace exalloc::cli {
namespace {

using inspect::tag_order;
using answer = inspect::live_process::answer;

constexpr std::size_t step = 8;  // columns that a key moves the screen

const std::vector<std::string> help_lines{
    "What the columns say:",
    "  Tag        of the caller that asked for the memory",
    "  Type       Nonp: nonpaged, Paged: paged pool",
    "  Allocs     allocations since the process began   ( ) change since the last screen",
    "  Frees      frees                                 ( ) change",
    "  Diff       allocations less frees: blocks in use",
    "  Bytes      in use, headers included              ( ) change",
    "  Per Alloc  bytes for each block in use",
    "",
    "Keys:",
    "  t a f d b m    sort by Tag, Allocs, Frees, Diff, Bytes, Per Alloc",
    "  r              the other way round",
    "  p              show nonpaged, paged, or both",
    "  /              only tags that match: * is any characters, ? any one; empty: all",
    "  l z c          lookaside lists; zones; the card.  Again, or Esc: back to tags",
    "  arrows, PgUp, PgDn, Home, End    move",
    "  h ?            this page         q    leave",
};

std::vector<std::string> lines_of(const inspect::table& t) {
  std::vector<std::string> lines{t.heading()};
  for (std::size_t i = 0; i < t.rows.size(); ++i) lines.push_back(t.line(i));
  return lines;
}

std::string without_newline(std::string line) {
  while (line.ends_with('\n')) line.pop_back();
  return line;
}

std::string kibibytes(std::uint64_t bytes) { return fmt::format("{} KiB", bytes / 1024); }

}  // namespace

void top_view::update(const inspect::live_process& process, answer now) {
  const status::page& page = process.page();
  // A process that has ended changes no more: the last changes stay to be seen.
  if (now == answer::ended && answer_ == answer::ended && !tags_.empty()) return;
  answer_ = now;
  who_ = fmt::format("{} {}", process.process(), process.program());
  before_.clear();
  const bool first = pool_.empty();
  for (const inspect::tag_row& row : tags_) before_.emplace(tag_key{row.tag, row.kind}, row);
  tags_ = inspect::tags_of(page);
  // The first screen shows no changes.
  if (first)
    for (const inspect::tag_row& row : tags_) before_.emplace(tag_key{row.tag, row.kind}, row);

  pool_ = fmt::format("Pool: nonpaged {} ({} locked), paged {}", kibibytes(page.pool[0].held),
                      kibibytes(page.pool[0].locked), kibibytes(page.pool[1].held));
  lookasides_ = lines_of(inspect::lookaside_table(page));
  zones_ = lines_of(inspect::zone_table(page));
  const auto left_out = [](std::vector<std::string>& lines, std::uint32_t count) {
    if (count != 0) lines.push_back(fmt::format("... and {} more", count));
  };
  left_out(lookasides_, page.lookasides_left_out);
  left_out(zones_, page.zones_left_out);
  card_ = {fmt::format("{:<24} {:>20}", "Card", "")};
  for (const auto& [name, value] : inspect::card_lines(page))
    card_.push_back(fmt::format("{:<24} {:>20}", name, value));
}

void top_view::show(shown what) {
  shown_ = shown_ == what ? shown::tags : what;
  first_ = left_ = 0;
}

void top_view::sort_tags(tag_order order) {
  choice_.order = order;
  choice_.reverse = false;
  shown_ = shown::tags;
  first_ = 0;
}

void top_view::edit_filter(char key) {
  // No tag is longer, but a pattern may be.
  if (edited_.size() < 16) edited_ += key;
}

bool top_view::press(char key) {
  if (editing_) {
    edit_filter(key);
    return true;
  }
  switch (key) {
    case 'q':
    case 'Q':
      return false;
    case 't':
      sort_tags(tag_order::tag);
      break;
    case 'a':
      sort_tags(tag_order::allocations);
      break;
    case 'f':
      sort_tags(tag_order::frees);
      break;
    case 'd':
      sort_tags(tag_order::diff);
      break;
    case 'b':
      sort_tags(tag_order::bytes);
      break;
    case 'm':
      sort_tags(tag_order::per_allocation);
      break;
    case 'r':
      choice_.reverse = !choice_.reverse;
      break;
    case 'p':
      if (!only_) {
        only_ = pool_kind::nonpaged;
      } else if (*only_ == pool_kind::nonpaged) {
        only_ = pool_kind::paged;
      } else {
        only_.reset();
      }
      first_ = 0;
      break;
    case '/':
      shown_ = shown::tags;
      editing_ = true;
      edited_.clear();
      break;
    case 'l':
      show(shown::lookasides);
      break;
    case 'z':
      show(shown::zones);
      break;
    case 'c':
      show(shown::card);
      break;
    case 'h':
    case '?':
      show(shown::help);
      break;
    default:
      break;
  }
  return true;
}

void top_view::press(special_key key) {
  switch (key) {
    case special_key::up:
      first_ -= std::min<std::size_t>(first_, 1);
      break;
    case special_key::down:
      ++first_;
      break;
    case special_key::left:
      left_ -= std::min(left_, step);
      break;
    case special_key::right:
      left_ += step;
      break;
    case special_key::page_up:
      first_ -= std::min(first_, page_height_);
      break;
    case special_key::page_down:
      first_ += page_height_;
      break;
    case special_key::home:
      first_ = left_ = 0;
      break;
    case special_key::end:
      first_ = SIZE_MAX;  // lines() knows where that is
      break;
    case special_key::enter:
      if (!editing_) break;
      editing_ = false;
      choice_.pattern = edited_.empty() ? "*" : edited_;
      first_ = 0;
      break;
    case special_key::erase:
      if (editing_ && !edited_.empty()) edited_.pop_back();
      break;
    case special_key::escape:
      if (!editing_) show(shown::tags);
      editing_ = false;
      break;
  }
}

std::string top_view::title() const {
  std::string text = "exalloc top: " + who_;
  if (answer_ == answer::ended) text += "  ENDED: its last values";
  if (answer_ == answer::silent) text += "  does not answer: only tags are up to date";
  return text;
}

std::string top_view::state() const {
  if (editing_) return "Show tags that match (* and ?): " + edited_ + '_';
  switch (shown_) {
    case shown::tags:
      return fmt::format("{} by {}{}{}   h help, q quit",
                         only_ ? (*only_ == pool_kind::paged ? "Paged" : "Nonpaged") : "Both types",
                         inspect::tag_order_names()[static_cast<std::size_t>(choice_.order)],
                         choice_.reverse ? ", reversed" : "",
                         choice_.pattern == "*" ? "" : ", only " + choice_.pattern);
    case shown::lookasides:
      return "Lookaside lists   l back, h help, q quit";
    case shown::zones:
      return "Zones   z back, h help, q quit";
    case shown::card:
      return "The card   c back, h help, q quit";
    default:
      return "Help   h back, q quit";
  }
}

std::vector<std::string> top_view::tag_lines() const {
  std::vector<std::string> lines{without_newline(inspect::tag_heading(true))};
  auto rows = tags_;
  if (only_) std::erase_if(rows, [&](const auto& row) { return row.kind != *only_; });
  for (const inspect::tag_row& row : inspect::choose_tags(std::move(rows), choice_)) {
    const auto before = before_.find({row.tag, row.kind});
    lines.push_back(without_newline(
        inspect::tag_line(row, before != before_.end() ? &before->second : nullptr)));
  }
  return lines;
}

std::vector<std::string> top_view::body() const {
  switch (shown_) {
    case shown::tags:
      return tag_lines();
    case shown::lookasides:
      return lookasides_;
    case shown::zones:
      return zones_;
    case shown::card:
      return card_;
    default:
      return help_lines;
  }
}

std::vector<top_view::line> top_view::lines(std::size_t height, std::size_t width) {
  std::vector<line> all{{title(), look::title}, {state()}};
  if (!pool_.empty()) all.push_back({pool_});
  std::vector<std::string> rest = body();
  const std::size_t fixed = all.size() + 1;
  page_height_ = std::max<std::size_t>(1, height > fixed ? height - fixed : 1);
  const std::size_t count = rest.size() - 1;
  first_ = std::min(first_, count > page_height_ ? count - page_height_ : 0);
  const auto shifted = [&](const std::string& text) {
    return text.substr(std::min(left_, text.size()));
  };
  all.push_back({shifted(rest.front()), look::heading});
  for (std::size_t i = first_; i < count && all.size() < height; ++i)
    all.push_back({shifted(rest[1 + i])});
  if (all.size() > height) all.resize(height);
  for (line& l : all) l.text = l.text.substr(0, width);
  return all;
}

}  // namespace exalloc::cli
