// Tag tables as they are printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dump_maker.hpp"
#include "tables.hpp"

namespace exalloc::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::string> tags_in(const std::vector<inspect::tag_row>& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(reinterpret_cast<const char*>(&row.tag), 4);
  return names;
}

TEST(tag_tables, wildcards) {
  using inspect::tag_matches;
  EXPECT_TRUE(tag_matches("*", tag_of("Abcd")));
  EXPECT_TRUE(tag_matches("A*", tag_of("Abcd")));
  EXPECT_TRUE(tag_matches("?bc?", tag_of("Abcd")));
  EXPECT_TRUE(tag_matches("*c*", tag_of("Abcd")));
  EXPECT_TRUE(tag_matches("**d", tag_of("Abcd")));
  EXPECT_FALSE(tag_matches("a*", tag_of("Abcd")));
  EXPECT_FALSE(tag_matches("???", tag_of("Abcd")));
  EXPECT_FALSE(tag_matches("", tag_of("Abcd")));
  EXPECT_TRUE(tag_matches("Irp", tag_of("Irp ")));
  EXPECT_TRUE(tag_matches("Irp ", tag_of("Irp ")));
  EXPECT_TRUE(tag_matches("Abcd", tag_of("Abcd") | 0x8000'0000));
}

TEST(tag_tables, every_column_sorts) {
  using inspect::tag_order;
  const std::vector<inspect::tag_row> rows{{tag_of("Bbbb"), pool_kind::paged, 10, 5, 50},
                                           {tag_of("Aaaa"), pool_kind::nonpaged, 20, 19, 40},
                                           {tag_of("Cccc"), pool_kind::nonpaged, 5, 2, 90}};
  const auto sorted = [&](tag_order order, bool reverse = false) {
    return tags_in(choose_tags(rows, {"*", order, reverse}));
  };
  using names = std::vector<std::string>;
  EXPECT_EQ(sorted(tag_order::tag), (names{"Aaaa", "Bbbb", "Cccc"}));
  EXPECT_EQ(sorted(tag_order::tag, true), (names{"Cccc", "Bbbb", "Aaaa"}));
  EXPECT_EQ(sorted(tag_order::type), (names{"Aaaa", "Cccc", "Bbbb"}));
  EXPECT_EQ(sorted(tag_order::allocations), (names{"Aaaa", "Bbbb", "Cccc"}));
  EXPECT_EQ(sorted(tag_order::frees), (names{"Aaaa", "Bbbb", "Cccc"}));
  EXPECT_EQ(sorted(tag_order::diff), (names{"Bbbb", "Cccc", "Aaaa"}));
  EXPECT_EQ(sorted(tag_order::bytes), (names{"Cccc", "Bbbb", "Aaaa"}));
  EXPECT_EQ(sorted(tag_order::per_allocation), (names{"Aaaa", "Cccc", "Bbbb"}));
  EXPECT_EQ(tags_in(choose_tags(rows, {"?a*", tag_order::tag, false})), names{"Aaaa"});
  EXPECT_EQ(inspect::tag_order_of("each"), tag_order::per_allocation);
  EXPECT_EQ(inspect::tag_order_of("size"), std::nullopt);
}

TEST(tag_tables, lines_are_poolmons) {
  const inspect::tag_row row{tag_of("Tst "), pool_kind::paged, 12, 2, 640};
  EXPECT_EQ(inspect::tag_heading(),
            "Tag  Type        Allocs        Frees       Diff          Bytes  Per Alloc\n");
  EXPECT_EQ(tag_line(row),
            "Tst  Paged           12            2         10            640         64\n");
  const inspect::tag_row before{tag_of("Tst "), pool_kind::paged, 10, 2, 512};
  EXPECT_THAT(tag_line(row, &before),
              AllOf(HasSubstr("(+2)"), HasSubstr("(+0)"), HasSubstr("(+128)")));
  EXPECT_EQ(inspect::tag_table_json({row}).dump(),
            R"([{"tag":"Tst ","tag_number":"0x20747354","type":"Paged","allocations":12,)"
            R"("frees":2,"diff":10,"bytes":640,"per_allocation":64}])");
}

}  // namespace
}  // namespace exalloc::testing
