// The two formats, a line at a time.
#include <gtest/gtest.h>

#include <string>

#include "parsers.hpp"

namespace exalloc::replay {
namespace {

// ---- ftrace: the same event as three tools print it ----

struct spelling {
  const char* tool;
  const char* line;
};
class three_spellings : public testing::TestWithParam<spelling> {};

TEST_P(three_spellings, of_one_allocation_are_the_same_event) {
  event e;
  ASSERT_EQ(parse_ftrace(GetParam().line, e).kind, line_kind::event);
  EXPECT_EQ(e.kind, event_kind::cache_allocate);
  EXPECT_EQ(e.processor, 1u);
  EXPECT_EQ(e.time_ns, 2'055'521'359'000u);
  EXPECT_EQ(e.address, 0x27cc7f7u);
  EXPECT_EQ(e.requested, 5840u);
  EXPECT_EQ(e.allocated, 5888u);
  EXPECT_EQ(e.cache, "task_struct");
}

INSTANTIATE_TEST_SUITE_P(
    replay, three_spellings,
    testing::Values(
        spelling{"trace",
                 "          record-15830   [001] .....  2055.521359: kmem_cache_alloc: "
                 "call_site=copy_process+0x18a/0x1c70 ptr=00000000027cc7f7 name=task_struct "
                 "bytes_req=5840 bytes_alloc=5888 gfp_flags=GFP_KERNEL node=-1 accounted=true"},
        spelling{"trace_without_flags_column",
                 " record-15830 [001] d..2. 2055.521359: kmem_cache_alloc: ptr=0x27cc7f7 "
                 "bytes_req=5840 bytes_alloc=5888 name=task_struct"},
        spelling{"trace_cmd",
                 "          record-15830 [001]  2055.521359: kmem_cache_alloc:     "
                 "call_site=copy_process+0x18a ptr=0x27cc7f7 name=task_struct bytes_req=5840 "
                 "bytes_alloc=5888 gfp_flags=GFP_KERNEL node=-1 accounted=true"},
        spelling{"trace_cmd_with_call_site_first",
                 "  record-15830 [001] ...1  2055.521359: kmem_cache_alloc_node: "
                 "(copy_process+0x18a) call_site=ffffffff8106d4aa ptr=0x27cc7f7 bytes_req=5840 "
                 "bytes_alloc=5888 name=task_struct node=0"},
        spelling{"perf",
                 "record 15830 [001]  2055.521359: kmem:kmem_cache_alloc: "
                 "call_site=copy_process+0x18a ptr=0x27cc7f7 name=task_struct bytes_req=5840 "
                 "bytes_alloc=5888 gfp_flags=GFP_KERNEL node=-1 accounted=true"},
        spelling{"perf_with_thread",
                 "record 15830/15831 [001]  2055.521359:  kmem:kmem_cache_alloc: "
                 "call_site=copy_process+0x18a ptr=0x27cc7f7 name=task_struct bytes_req=5840 "
                 "bytes_alloc=5888 gfp_flags=GFP_KERNEL"},
        spelling{"task_name_with_brackets_and_colons",
                 " [k] [9]: x: kfree: [w/0:1]-7 [001] ..s1. 2055.521359: kmem_cache_alloc: "
                 "ptr=00000000027cc7f7 name=task_struct bytes_req=5840 bytes_alloc=5888"}),
    [](const auto& info) { return std::string(info.param.tool); });

TEST(ftrace, knows_every_event_and_its_node_variant) {
  const auto kind_of = [](const std::string& name) {
    event e;
    const std::string line =
        "t-1 [000] ..... 1.5: " + name + ": call_site=f ptr=0x10 name=n bytes_req=1 bytes_alloc=8";
    EXPECT_EQ(parse_ftrace(line, e).kind, line_kind::event) << name;
    return e.kind;
  };
  EXPECT_EQ(kind_of("kmalloc"), event_kind::allocate);
  EXPECT_EQ(kind_of("kmalloc_node"), event_kind::allocate);
  EXPECT_EQ(kind_of("kfree"), event_kind::free);
  EXPECT_EQ(kind_of("kmem_cache_alloc"), event_kind::cache_allocate);
  EXPECT_EQ(kind_of("kmem_cache_alloc_node"), event_kind::cache_allocate);
  EXPECT_EQ(kind_of("kmem_cache_free"), event_kind::cache_free);
}

TEST(ftrace, times_are_seconds_with_a_fraction) {
  const auto time_of = [](const std::string& stamp) {
    event e;
    e.time_ns = 7;
    EXPECT_EQ(parse_ftrace("t-1 [000] ..... " + stamp + ": kfree: ptr=0x10", e).kind,
              line_kind::event)
        << stamp;
    return e.time_ns;
  };
  EXPECT_EQ(time_of("0.000001"), 1'000u);
  EXPECT_EQ(time_of("12.123456789"), 12'123'456'789u);
  EXPECT_EQ(time_of("12.1234567899"), 12'123'456'789u);
  EXPECT_EQ(time_of("1.5"), 1'500'000'000u);
  EXPECT_EQ(time_of("18446744072.0"), 18'446'744'072'000'000'000u);
  // Clocks that count something else, and numbers beyond ours.
  for (const char* stamp : {"2055521359", "5.", "18446744073.0", "99999999999999999999.5"})
    EXPECT_EQ(time_of(stamp), std::nullopt) << stamp;
}

TEST(ftrace, skips_headers_and_other_events_silently) {
  event e;
  for (const char* line :
       {"", "# tracer: nop", "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION", "cpus=2",
        "CPU:1 [LOST 17 EVENTS]",
        " bash-9 [000] d..2. 12.5: sched_switch: prev_comm=kfree: next_comm=kmalloc:",
        " bash-9 [000] ..... 12.5: mm_page_free: page=1 pfn=0x1 order=0",
        " bash-9 [000] ..... 12.5: kmem_cache_create: name=x",
        "          ffffffff8120 kfree+0x12 ([kernel.kallsyms])"}) {
    EXPECT_EQ(parse_ftrace(line, e).kind, line_kind::other) << line;
  }
}

TEST(ftrace, null_is_written_in_two_ways) {
  event e;
  ASSERT_EQ(parse_ftrace("a-1 [000] ..... 1.5: kfree: call_site=f ptr=0000000000000000", e).kind,
            line_kind::event);
  EXPECT_EQ(e.address, 0u);
  ASSERT_EQ(parse_ftrace("a-1 [000] 1.5: kfree: call_site=f ptr=          (null)", e).kind,
            line_kind::event);
  EXPECT_EQ(e.address, 0u);
}

TEST(ftrace, an_old_kernel_does_not_name_the_cache) {
  event e;
  ASSERT_EQ(
      parse_ftrace("a-1 [000] 1.5: kmem_cache_alloc: ptr=0x8 bytes_req=8 bytes_alloc=8", e).kind,
      line_kind::event);
  EXPECT_EQ(e.cache, "");
}

class malformed_ftrace : public testing::TestWithParam<const char*> {};

TEST_P(malformed_ftrace, is_ours_but_damaged) {
  event e;
  const parsed_line parsed = parse_ftrace(GetParam(), e);
  EXPECT_EQ(parsed.kind, line_kind::malformed);
  EXPECT_STRNE(parsed.reason, "");
}

INSTANTIATE_TEST_SUITE_P(
    replay, malformed_ftrace,
    testing::Values("a-1 [000] ..... 1.5: kfree: call_site=f",
                    "a-1 [000] ..... 1.5: kfree: call_site=f ptr=",
                    "a-1 [000] ..... 1.5: kfree: call_site=f ptr=(____ptrval____)",
                    "a-1 [000] ..... 1.5: kfree: call_site=f ptr=xyz",
                    "a-1 [000] ..... 1.5: kfree: call_site=f ptr=11112222333344445",
                    "a-1 [000] ..... 1.5: kmalloc: ptr=0x8 bytes_alloc=8",
                    "a-1 [000] ..... 1.5: kmalloc: ptr=0x8 bytes_req= bytes_alloc=8",
                    "a-1 [000] ..... 1.5: kmalloc: ptr=0x8 bytes_req=-8 bytes_alloc=8",
                    "a-1 [000] ..... 1.5: kmalloc: ptr=0x8 bytes_req=8",
                    "a-1 [000] ..... 1.5: kmalloc: ptr=0x8 bytes_req=9 bytes_alloc=8",
                    "a-1 [000] ..... 1.5: kmalloc: ptr=0x8 bytes_req=8 bytes_alloc=8x",
                    "a-1 [000] ..... kfree: call_site=f ptr=0x8",
                    "a-1 ..... 1.5: kfree: call_site=f ptr=0x8",
                    "a-1 [999999999] ..... 1.5: kfree: call_site=f ptr=0x8",
                    "a-1 [9000] ..... 1.5: kfree: call_site=f ptr=0x8"));

// ---- mtrace ----

TEST(mtrace, reads_allocations_and_frees) {
  event e;
  ASSERT_EQ(parse_mtrace("@ /lib/x y.so:(f+62)[0xa6] + 0x5603205124a0 0x30", e).kind,
            line_kind::event);
  EXPECT_EQ(e.kind, event_kind::allocate);
  EXPECT_EQ(e.address, 0x5603205124a0u);
  EXPECT_EQ(e.requested, 0x30u);
  EXPECT_EQ(e.allocated, 0u);
  EXPECT_EQ(e.processor, 0u);
  ASSERT_EQ(parse_mtrace("@ /lib/x y.so:(f+62)[0xa6] - 0x5603205124a0", e).kind, line_kind::event);
  EXPECT_EQ(e.kind, event_kind::free);
  EXPECT_EQ(e.address, 0x5603205124a0u);
}

TEST(mtrace, a_realloc_is_a_free_and_an_allocation) {
  event e;
  ASSERT_EQ(parse_mtrace("@ ./a:[0x1] < 0x10", e).kind, line_kind::event);
  EXPECT_EQ(e.kind, event_kind::free);
  ASSERT_EQ(parse_mtrace("@ ./a:[0x1] > 0x20 0x40", e).kind, line_kind::event);
  EXPECT_EQ(e.kind, event_kind::allocate);
  EXPECT_EQ(e.address, 0x20u);
  EXPECT_EQ(e.requested, 0x40u);
}

TEST(mtrace, the_caller_may_be_missing_and_addresses_nil) {
  event e;
  EXPECT_EQ(parse_mtrace("+ 0x20 0x40", e).kind, line_kind::event);
  EXPECT_EQ(parse_mtrace("- 0x20", e).kind, line_kind::event);
  ASSERT_EQ(parse_mtrace("@ a + (nil) 0x40", e).kind, line_kind::event);
  EXPECT_EQ(e.address, 0u);
}

TEST(mtrace, skips_what_is_no_event) {
  event e;
  for (const char* line : {"", "= Start", "= End", "Memory not freed:", "@ a ! 0x10 0xffffffff"}) {
    EXPECT_EQ(parse_mtrace(line, e).kind, line_kind::other) << line;
  }
}

class malformed_mtrace : public testing::TestWithParam<const char*> {};

TEST_P(malformed_mtrace, is_ours_but_damaged) {
  event e;
  EXPECT_EQ(parse_mtrace(GetParam(), e).kind, line_kind::malformed);
}

INSTANTIATE_TEST_SUITE_P(replay, malformed_mtrace,
                         testing::Values("@ a + 0x10", "@ a + 0x10 zz", "@ a + 0xgg 0x10",
                                         "@ a - nowhere", "@ a 0x10 0x20 0x30", "@ a", "+", "- ",
                                         "@ a + 0x11112222333344445 0x10"));

}  // namespace
}  // namespace exalloc::replay
