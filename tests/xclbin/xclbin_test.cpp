// xclbin files: written and read back, and damaged in every way that the bytes can tell.
#include "xclbin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <ostream>
#include <string>

#include "layout.hpp"

namespace {

using namespace exalloc::xclbin;
using testing::HasSubstr;
using bytes = std::vector<std::byte>;

std::string description() {
  std::ifstream from(EXALLOC_SIM_CARD_JSON);
  return {std::istreambuf_iterator<char>(from), {}};
}

contents sim_card() { return from_json(description()); }

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const format_error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(xclbin, what_is_written_is_read_back) {
  const contents c = sim_card();
  EXPECT_EQ(read(write(c)), c);
  EXPECT_EQ(c.ips.at(0).name, "exalloc:exalloc_1");
  EXPECT_EQ(c.memories.at(1).base, 0x2000000000U);
}

TEST(xclbin, every_field_survives) {
  contents c = sim_card();
  c.mode = "hw_emu";
  c.made = 0x1122334455667788;
  c.memories.push_back({"DDR[1]", "MEM_DDR4", false, 7, 0xFFFF'0000'0000});
  c.ips.push_back({"exalloc:exalloc_1", "AP_CTRL_CHAIN", 0x1234'5678'9ABC, true, 127});
  c.connections.push_back({2, 1, 0});
  c.clocks.push_back({std::string(127, 'k'), "SYSTEM", 65535});
  c.key_values["quoted \"key\""] = "line\nbreak";
  c.build = R"({"a":[1,2]})";
  EXPECT_EQ(read(write(c)), c);
}

TEST(xclbin, its_description_makes_the_same_bytes) {
  const bytes file = write(sim_card());
  EXPECT_EQ(write(from_json(to_json(read(file)))), file);
}

// A section's header, by the section's number in the file.
std::size_t header_of(std::size_t section) {
  return layout::header_end + section * layout::section_bytes;
}
enum : std::size_t {
  memories,
  groups,
  ips,
  connections,
  group_connections,
  clocks,
  xml,
  build,
  keys
};

void put(bytes& file, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) file[at + i] = static_cast<std::byte>(value >> (8 * i));
}

std::size_t data_of(const bytes& file, std::size_t section) {
  std::uint64_t at = 0;
  std::memcpy(&at, &file[header_of(section) + layout::section_offset], sizeof at);
  return at;
}

struct damage {
  const char* name;
  void (*make)(bytes& file);
  const char* told;
};

void PrintTo(const damage& d, std::ostream* to) { *to << d.name; }

const damage damages[] = {
    {"empty", [](bytes& f) { f.clear(); }, "it has 0 bytes"},
    {"magic", [](bytes& f) { f[6] = std::byte{'3'}; }, "does not begin with \"xclbin2\""},
    {"cut_off", [](bytes& f) { f.pop_back(); }, "it is cut off"},
    {"something_behind", [](bytes& f) { f.push_back({}); }, "its header speaks of"},
    {"mode", [](bytes& f) { put(f, layout::mode, 99, 2); }, "its mode is 99"},
    {"platform_without_end",
     [](bytes& f) { std::fill_n(&f[layout::shell], layout::shell_bytes, std::byte{'x'}); },
     "the name of its platform does not end"},
    {"no_platform", [](bytes& f) { f[layout::shell] = {}; }, "for which platform"},
    {"no_uuid", [](bytes& f) { std::fill_n(&f[layout::id], 16, std::byte{0}); }, "all zeros"},
    {"no_sections", [](bytes& f) { put(f, layout::sections, 0, 4); }, "it has no sections"},
    {"too_many_sections", [](bytes& f) { put(f, layout::sections, 0xFFFF, 4); },
     "no room for their headers"},
    {"section_beyond_the_end",
     [](bytes& f) { put(f, header_of(xml) + layout::section_offset, f.size() + 8, 8); },
     "section 6 (EMBEDDED_METADATA): bytes"},
    {"section_size_wraps",
     [](bytes& f) { put(f, header_of(xml) + layout::section_size, UINT64_MAX - 7, 8); },
     "lie beyond the file's end"},
    {"section_in_the_headers",
     [](bytes& f) { put(f, header_of(keys) + layout::section_offset, 8, 8); },
     "within the headers"},
    {"section_unaligned",
     [](bytes& f) {
       put(f, header_of(xml) + layout::section_offset, data_of(f, xml) + 1, 8);
       put(f, header_of(xml) + layout::section_size, 8, 8);
     },
     "no multiple of 8"},
    {"sections_overlap",
     [](bytes& f) { put(f, header_of(ips) + layout::section_offset, data_of(f, memories) + 8, 8); },
     "reaches into"},
    {"section_missing", [](bytes& f) { put(f, header_of(ips), 22, 4); },
     "it has no section IP_LAYOUT"},
    {"section_twice", [](bytes& f) { put(f, header_of(keys), layout::clock_freq_topology, 4); },
     "2 sections CLOCK_FREQ_TOPOLOGY"},
    {"too_many_rows", [](bytes& f) { put(f, data_of(f, memories), 11, 4); },
     "has a count of 11, but room for 10 rows"},
    {"negative_count", [](bytes& f) { put(f, data_of(f, ips), UINT32_MAX, 4); },
     "has a count of 4294967295"},
    {"memory_type", [](bytes& f) { put(f, data_of(f, memories) + 8, 200, 1); }, "is 200"},
    {"memory_too_large",
     [](bytes& f) {
       put(f, data_of(f, memories) + 16, UINT64_MAX >> 10, 8);
       put(f, data_of(f, memories) + 24, 1 << 20, 8);
     },
     "beyond the last address"},
    {"ip_name", [](bytes& f) { put(f, data_of(f, ips) + 24, 7, 1); }, "cannot be printed"},
    {"ip_control", [](bytes& f) { put(f, data_of(f, ips) + 13, 77, 1); }, "control protocol"},
    {"connection_to_no_ip", [](bytes& f) { put(f, data_of(f, connections) + 8, 7, 4); },
     "names IP 7, and there are 5"},
    {"connection_to_no_memory",
     [](bytes& f) { put(f, data_of(f, connections) + 12, UINT32_MAX, 4); }, "names memory -1"},
    {"connection_to_unused_memory", [](bytes& f) { put(f, data_of(f, memories) + 49, 0, 1); },
     "which is not used"},
    {"clock_type", [](bytes& f) { put(f, data_of(f, clocks) + 4, 9, 1); }, "the type of"},
    {"xml",
     [](bytes& f) {
       put(f, data_of(f, xml), 0x2020202020202020, 8);
       std::memset(&f[data_of(f, xml)], ' ', 60);
     },
     "is no XML description"},
    {"xml_of_another_kernel", [](bytes& f) { put(f, data_of(f, ips) + 24, 'x', 1); },
     "does not describe xxalloc:exalloc_1"},
    {"build_data", [](bytes& f) { f[data_of(f, build)] = std::byte{'['}; }, "is no JSON"},
    {"key_values", [](bytes& f) { f[data_of(f, keys) + 3] = std::byte{'K'}; }, "has no list"},
};

class damaged_xclbin : public testing::TestWithParam<damage> {};

TEST_P(damaged_xclbin, is_refused_and_says_why) {
  bytes file = write(sim_card());
  GetParam().make(file);
  EXPECT_THAT(refusal([&] { read(file); }), HasSubstr(GetParam().told));
}

INSTANTIATE_TEST_SUITE_P(all, damaged_xclbin, testing::ValuesIn(damages),
                         [](const auto& info) { return std::string(info.param.name); });

// Whatever is read from a file with one byte changed, it is read within the file: for sanitizers.
TEST(xclbin, any_byte_may_be_wrong) {
  const bytes good = write(sim_card());
  unsigned refused = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    bytes file = good;
    file[i] ^= std::byte{0xFF};
    if (refusal([&] { read(file); }) != "accepted") ++refused;
  }
  EXPECT_GT(refused, good.size() / 8);
}

TEST(xclbin, any_length_but_the_whole_is_refused) {
  const bytes good = write(sim_card());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(refusal([&] { read(std::span(good).first(size)); }), "accepted") << size;
}

TEST(xclbin, descriptions_say_what_is_wrong_with_them) {
  const auto told = [](const std::string& from, const std::string& to) {
    std::string text = description();
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return refusal([&] { write(from_json(text)); });
  };
  EXPECT_THAT(told("{", "["), HasSubstr("is no JSON"));
  EXPECT_THAT(told("\"shell\"", "\"shelf\""), HasSubstr("there is no key \"shelf\"; known are"));
  EXPECT_THAT(told("\"mode\": \"hw\"", "\"mode\": \"tin\""), HasSubstr("there is no mode \"tin\""));
  EXPECT_THAT(told("262144", "\"many\""), HasSubstr("memories 0: \"size_kb\" is not a number"));
  EXPECT_THAT(told("MEM_HBM", "MEM_FOAM"), HasSubstr("no type of memory \"MEM_FOAM\""));
  EXPECT_THAT(told("\"mhz\": 300", "\"mhz\": 65536"), HasSubstr("mhz is above 65535"));
  EXPECT_THAT(told("5d3f6ab1-", "5d3f6ab1-z"), HasSubstr("is no UUID"));
  EXPECT_THAT(told("\"port\": \"m_axi_host\"", "\"port\": \"m_axi_hose\""),
              HasSubstr("does not have"));
  EXPECT_THAT(told("\"memory\": 1", "\"memory\": 99"), HasSubstr("names memory 99"));
  EXPECT_THAT(told("\"stream\": \"in\"", "\"stream\": \"up\""),
              HasSubstr("neither \"in\" nor \"out\""));
  EXPECT_THAT(told("HBM[0]", "HBM[0] and much more"), HasSubstr("is too long"));
  EXPECT_THAT(told("\"kernels\":", "\"xml\": \"\", \"kernels\":"), HasSubstr("needs one of"));
}

}  // namespace
