// The committed outputs are those of the committed description, and wrong descriptions are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exalloc/regs.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "outputs.hpp"

namespace {

namespace fs = std::filesystem;
namespace gen = exalloc::regs_gen;
namespace regs = exalloc::regs;
using nlohmann::json;

const fs::path source_dir = EXALLOC_SOURCE_DIR;
const fs::path input = source_dir / "regs" / "exalloc.json";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path << " cannot be read";
  return {std::istreambuf_iterator<char>(file), {}};
}

json committed() { return json::parse(read(input)); }

/// The entry of an array that has this name.
json& named(json& array, std::string_view name) {
  for (json& entry : array) {
    if (entry.at("name") == name) return entry;
  }
  throw std::logic_error("no entry " + std::string(name));
}

json& card_register(json& d, std::string_view name) {
  return named(named(d["blocks"], "card")["registers"], name);
}

class temporary_dir {
 public:
  temporary_dir() {
    std::string name = (fs::temp_directory_path() / "exalloc-regs-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~temporary_dir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  temporary_dir(const temporary_dir&) = delete;
  temporary_dir& operator=(const temporary_dir&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST(Outputs, AreThoseOfTheDescription) {
  const temporary_dir dir;
  const std::vector<gen::output> outputs = gen::generate_all(input);
  gen::write(outputs, dir.path());
  for (const gen::output& o : outputs) {
    // Not EXPECT_EQ on the texts: it would print both files.
    EXPECT_TRUE(read(dir.path() / o.path) == read(source_dir / o.path))
        << o.path << " is stale; run: cmake --build build --target regs";
  }
}

TEST(Outputs, SayThatTheyAreGenerated) {
  for (const gen::output& o : gen::generate_all(input)) {
    EXPECT_NE(o.text.substr(0, o.text.find('\n')).find(gen::generated_notice), std::string::npos)
        << o.path;
  }
}

TEST(Outputs, EveryPictureIsDrawnAndNoneIsLeftOver) {
  std::vector<fs::path> wanted;
  for (const gen::output& o : gen::generate_all(input)) {
    if (o.path.extension() != ".json") continue;
    wanted.push_back(source_dir / o.path);
    wanted.push_back(fs::path(wanted.back()).replace_extension(".svg"));
    EXPECT_TRUE(fs::exists(wanted.back())) << wanted.back() << " is missing; run: scripts/draw";
  }
  for (const auto& entry : fs::directory_iterator(source_dir / "docs" / "img" / "regs")) {
    EXPECT_NE(std::find(wanted.begin(), wanted.end(), entry.path()), wanted.end())
        << entry.path() << " belongs to no register";
  }
}

TEST(Outputs, PicturesCoverEveryBit) {
  for (const gen::output& o : gen::generate_all(input)) {
    if (o.path.extension() != ".json") continue;
    const json picture = json::parse(o.text);
    unsigned bits = 0;
    for (const json& field : picture.at("reg")) bits += field.at("bits").get<unsigned>();
    EXPECT_EQ(bits, picture.at("config").at("bits").get<unsigned>()) << o.path;
  }
}

TEST(Outputs, AnUnchangedFileIsNotTouched) {
  const temporary_dir dir;
  const std::vector<gen::output> outputs = gen::generate_all(input);
  gen::write(outputs, dir.path());
  const fs::path header = dir.path() / "host/include/exalloc/regs.hpp";
  const auto long_ago = fs::last_write_time(header) - std::chrono::hours(1);
  fs::last_write_time(header, long_ago);
  std::ofstream(dir.path() / "docs/registers.md", std::ios::app) << "edited by hand";
  gen::write(outputs, dir.path());
  EXPECT_EQ(fs::last_write_time(header), long_ago);
  EXPECT_TRUE(read(dir.path() / "docs/registers.md") == read(source_dir / "docs/registers.md"));
}

TEST(LayoutHash, IsFnv1aOfTheCanonicalText) {
  // The rule written out once more: keys sorted, no spaces, no "desc".
  std::uint32_t expected = 0x811c9dc5;
  for (const char c : std::string("{\"a\":1,\"b\":[{\"c\":2}]}")) {
    expected = (expected ^ static_cast<std::uint8_t>(c)) * 16777619;
  }
  EXPECT_EQ(gen::layout_hash(json::parse(R"({"b": [{"c": 2, "desc": "x"}], "a": 1, "desc": ""})")),
            expected);
}

TEST(LayoutHash, IsTheSameInEveryOutput) {
  EXPECT_EQ(gen::load(input).layout_hash, regs::layout_hash);
  EXPECT_EQ(gen::layout_hash(committed()), regs::layout_hash);
}

TEST(LayoutHash, IgnoresProseAndSpaces) {
  json d = committed();
  d["desc"] = "Other words.";
  card_register(d, "control")["desc"] = "Other words.";
  card_register(d, "control")["fields"][0]["desc"] = "Other words.";
  named(d["enums"], "status")["values"][0]["desc"] = "Other words.";
  EXPECT_EQ(gen::layout_hash(d), regs::layout_hash);
  EXPECT_EQ(gen::layout_hash(json::parse(d.dump(7))), regs::layout_hash);
}

TEST(LayoutHash, ChangesWhenABitMoves) {
  json d = committed();
  card_register(d, "command_list")["fields"][0]["bits"] = "8:0";
  EXPECT_NE(gen::layout_hash(d), regs::layout_hash);

  d = committed();
  named(d["enums"], "opcode")["values"][0]["value"] = 9;
  EXPECT_NE(gen::layout_hash(d), regs::layout_hash);

  d = committed();
  card_register(d, "error_lost")["offset"] = "0x060";
  EXPECT_NE(gen::layout_hash(d), regs::layout_hash);
}

/// The message with which a changed description is refused, or "accepted".
template <typename Change>
std::string refusal(Change change) {
  json d = committed();
  change(d);
  try {
    std::ignore = gen::generate(gen::parse(d));
  } catch (const gen::description_error& e) {
    return e.what();
  }
  return "accepted";
}

testing::AssertionResult mentions(const std::string& text, std::vector<std::string> parts) {
  for (const std::string& part : parts) {
    if (text.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "\"" << text << "\" does not mention " << part;
    }
  }
  return testing::AssertionSuccess();
}

TEST(Errors, TheCommittedDescriptionHasNone) {
  EXPECT_EQ(refusal([](json&) {}), "accepted");
}

TEST(Errors, OverlappingFields) {
  EXPECT_TRUE(mentions(
      refusal([](json& d) { card_register(d, "command_list")["fields"][1]["bits"] = "14:9"; }),
      {"\"card\"", "\"command_list\"", "\"domain\"", "overlaps", "\"list\""}));
}

TEST(Errors, BitsOutOfRange) {
  EXPECT_TRUE(
      mentions(refusal([](json& d) { card_register(d, "slabs")["fields"][0]["bits"] = "32:0"; }),
               {"\"slabs\"", "\"count\"", "32:0", "out of range"}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { card_register(d, "slabs")["fields"][0]["bits"] = "0:31"; }),
               {"\"slabs\"", "\"count\"", "0:31"}));
  for (const char* bits : {"", ":", "7:", ":0", "x", "3-1", "-1", "99999999999:0", "0x"}) {
    EXPECT_TRUE(
        mentions(refusal([&](json& d) { card_register(d, "slabs")["fields"][0]["bits"] = bits; }),
                 {"\"slabs\"", "not a number"}))
        << bits;
  }
}

TEST(Errors, Offsets) {
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["offset"] = "0x014"; }),
                       {"\"lists\"", "0x14", "\"slabs\""}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["offset"] = "0x012"; }),
                       {"\"slabs\"", "0x12", "multiple of 4"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["offset"] = "0x400"; }),
                       {"\"counters\"", "collide", "\"card\""}));
  EXPECT_TRUE(mentions(
      refusal([](json& d) { named(d["blocks"], "counters")["registers"][1]["offset"] = "0x8"; }),
      {"\"counter_high\"", "beyond the stride"}));
}

TEST(Errors, Windows) {
  const auto change = [](const char* key, const json& value) {
    return refusal([&](json& d) { named(d["blocks"], "portals")[key] = value; });
  };
  EXPECT_TRUE(mentions(change("stride", "0x30"), {"\"portals\"", "power of two"}));
  EXPECT_TRUE(mentions(change("base", "0x1800"), {"\"portals\"", "multiple of the size"}));
  EXPECT_TRUE(mentions(change("base", "0x10000"), {"\"portals\"", "16 address bits"}));
  EXPECT_TRUE(mentions(change("count", 1), {"\"portals\"", "at least 2"}));
  EXPECT_TRUE(mentions(change("index_enum", "nothing"), {"\"portals\"", "unknown enum"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { named(d["blocks"], "counters")["count"] = 15; }),
                       {"\"counters\"", "\"slabs_taken\"", "no window"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { named(d["blocks"], "card")["stride"] = 64; }),
                       {"\"card\"", "external"}));
}

TEST(Errors, Enums) {
  EXPECT_TRUE(mentions(
      refusal([](json& d) { card_register(d, "command")["fields"][0]["enum"] = "comand"; }),
      {"\"command\"", "unknown enum \"comand\""}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { card_register(d, "command")["fields"][0]["bits"] = "4:0"; }),
               {"\"command\"", "has 5 bits"}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { named(d["enums"], "opcode")["values"][0]["value"] = 16; }),
               {"\"opcode\"", "\"grant\"", "16 does not fit"}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { named(d["enums"], "opcode")["values"][0]["value"] = 2; }),
               {"\"opcode\"", "\"release\"", "another value is 2"}));
}

TEST(Errors, DuplicateNames) {
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["name"] = "lists"; }),
                       {"\"lists\"", "another register or struct"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["name"] = "token"; }),
                       {"\"token\"", "another register or struct"}));
  EXPECT_TRUE(mentions(
      refusal([](json& d) { card_register(d, "command_list")["fields"][1]["name"] = "list"; }),
      {"\"command_list\"", "another field"}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { named(d["enums"], "opcode")["values"][0]["name"] = "sync"; }),
               {"\"opcode\"", "\"sync\"", "another value"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { named(d["enums"], "opcode")["name"] = "status"; }),
                       {"another enum"}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { named(d["constants"], "max_lists")["name"] = "max_grant"; }),
               {"another constant"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { named(d["blocks"], "portals")["name"] = "counters"; }),
                       {"another block"}));
  // Apart in the description, but the same in SystemVerilog.
  EXPECT_TRUE(
      mentions(refusal([](json& d) { named(d["constants"], "max_lists")["name"] = "status_ok"; }),
               {"\"StatusOk\""}));
}

TEST(Errors, Names) {
  for (const char* name : {"", "Slabs", "1slab", "slab__count", "slab-count", "_slab", "slab_"}) {
    EXPECT_TRUE(
        mentions(refusal([&](json& d) { card_register(d, "slabs")["name"] = name; }), {"name"}))
        << name;
  }
  for (const char* name : {"register", "class", "wire", "endmodule_", "release"}) {
    EXPECT_NE(refusal([&](json& d) { card_register(d, "slabs")["name"] = name; }), "accepted")
        << name;
  }
}

TEST(Errors, KeysAndTypes) {
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs").erase("offset"); }),
                       {"\"slabs\"", "\"offset\" is missing"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["swacces"] = "ro"; }),
                       {"\"slabs\"", "unknown key \"swacces\""}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["swaccess"] = "w1c"; }),
                       {"\"slabs\"", "unknown swaccess \"w1c\""}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["fields"] = 1; }),
                       {"\"slabs\"", "must be an array"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["fields"].clear(); }),
                       {"\"slabs\"", "no fields"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "slabs")["offset"] = 1.5; }),
                       {"\"slabs\"", "whole number"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { d["blocks"][0]["registers"][4] = "slabs"; }),
                       {"\"card\"", "register number 5", "must be an object"}));
  EXPECT_TRUE(
      mentions(refusal([](json& d) { d["structs"][0]["bits"] = 48; }), {"\"token\"", "32 or 64"}));
}

TEST(Errors, ResetValues) {
  EXPECT_TRUE(
      mentions(refusal([](json& d) { card_register(d, "command_list")["resval"] = "0x400"; }),
               {"\"command_list\"", "no field"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "command")["resval"] = 0; }),
                       {"\"command\"", "resval"}));
  EXPECT_TRUE(mentions(refusal([](json& d) { card_register(d, "version")["resval"] = 1; }),
                       {"\"version\"", "resval"}));
  EXPECT_TRUE(mentions(
      refusal([](json& d) { card_register(d, "interrupt_status")["fields"][2]["bits"] = "3:2"; }),
      {"\"interrupt_status\"", "one bit"}));
}

TEST(Errors, FilesThatAreNotJson) {
  const temporary_dir dir;
  const fs::path file = dir.path() / "bad.json";
  std::ofstream(file) << "{\n  \"name\": \n}\n";
  try {
    std::ignore = gen::load(file);
    FAIL() << "accepted";
  } catch (const gen::description_error& e) {
    EXPECT_TRUE(mentions(e.what(), {"bad.json", "line 3"}));
  }
  EXPECT_THROW(std::ignore = gen::load(dir.path() / "absent.json"), gen::description_error);
}

TEST(Header, FieldsRoundTrip) {
  std::mt19937_64 random(1);
  for (unsigned lsb = 0; lsb < 64; ++lsb) {
    for (unsigned width = 1; width <= 64 - lsb; ++width) {
      const regs::field f{lsb, width};
      const std::uint64_t word = random();
      const std::uint64_t value = random();
      const std::uint64_t all_ones = width == 64 ? ~0ULL : (1ULL << width) - 1;
      EXPECT_EQ(f.mask(), all_ones << lsb);
      EXPECT_EQ(f.get(f.set(word, value)), value & all_ones);
      EXPECT_EQ(f.set(word, value) & ~f.mask(), word & ~f.mask());
      EXPECT_EQ(f.set(word, f.get(word)), word);
    }
  }
}

TEST(Header, FieldsAreUsableInConstantExpressions) {
  constexpr std::uint64_t header = regs::submission_header::cookie.set(
      regs::submission_header::opcode.set(0, static_cast<std::uint64_t>(regs::opcode::recall)),
      0xbeef);
  static_assert(header == 0x0000'beef'0000'0006);
  static_assert(regs::token::slab.get(0x40) == 1);
}

TEST(Header, EveryFieldIsThatOfTheDescription) {
  // A sample of each kind, against numbers read off the JSON by hand.
  EXPECT_EQ(regs::offset::control, 0x1cU);
  EXPECT_EQ(regs::offset::doorbell, 0x14U);
  EXPECT_EQ(regs::offset::portals_base, 0x1000U);
  EXPECT_EQ(regs::offset::portals_stride, 0x40U);
  EXPECT_EQ(regs::offset::counters_base, 0x400U);
  EXPECT_EQ(regs::tokens_per_line, 14U);
  EXPECT_EQ(regs::portal_config::ring_log2.mask(), 0xf00U);
  EXPECT_EQ(regs::command_register::command.mask(), 0xfU);
  EXPECT_EQ(regs::completion_header::head.mask(), 0x0000'ffff'0000'0000U);
}

TEST(Header, NamesAndProseOfCodes) {
  const gen::description d = gen::load(input);
  const auto status = std::ranges::find(d.enums, "status", &gen::enumeration::name);
  for (const gen::enum_value& v : status->values) {
    const auto s = static_cast<regs::status>(v.value);
    EXPECT_EQ(regs::to_string(s), v.name);
    EXPECT_EQ(regs::describe(s), v.desc);
  }
  EXPECT_STREQ(regs::to_string(static_cast<regs::opcode>(15)), "unknown");
  EXPECT_STREQ(regs::describe(static_cast<regs::opcode>(0)), "unknown");
}

}  // namespace
