// Settings out of the environment: text that is none is told, not left out.
#include "from_environment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "../child_process.hpp"
#include "exalloc/exalloc.h"

namespace exalloc {
namespace {

constexpr const char* name = "EXALLOC_OF_A_TEST";

std::string refusal_of(const char* text) {
  ::setenv(name, text, 1);
  try {
    number_from_environment(name, 1, 1000);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

TEST(from_environment, numbers_between_the_bounds) {
  ::unsetenv(name);
  EXPECT_EQ(number_from_environment(name, 1, 1000), std::nullopt);
  ::setenv(name, "", 1);
  EXPECT_EQ(number_from_environment(name, 1, 1000), std::nullopt);
  for (const char* text : {"1", "500", "1000"}) {
    ::setenv(name, text, 1);
    EXPECT_EQ(number_from_environment(name, 1, 1000), std::stoul(text));
  }
  for (const char* text :
       {"0", "1001", "-1", "+5", "5 ", " 5", "5ms", "five", "0x5", "99999999999"})
    EXPECT_NE(refusal_of(text).find(std::string("EXALLOC_OF_A_TEST is \"") + text),
              std::string::npos)
        << text << ": " << refusal_of(text);
}

TEST(from_environment, switches) {
  ::unsetenv(name);
  EXPECT_EQ(switch_from_environment(name), std::nullopt);
  ::setenv(name, "on", 1);
  EXPECT_EQ(switch_from_environment(name), true);
  ::setenv(name, "off", 1);
  EXPECT_EQ(switch_from_environment(name), false);
  for (const char* text : {"1", "yes", "ON"}) {
    ::setenv(name, text, 1);
    EXPECT_THROW(switch_from_environment(name), std::runtime_error) << text;
  }
}

// Each is told when the card is opened; when it is mended, the next try opens it.
void open_with_bad_text() {
  ::setenv("EXALLOC_CARD", "soft", 1);
  for (const char* setting :
       {"EXALLOC_TIMEOUT_MS", "EXALLOC_GOVERNOR_PERIOD_MS", "EXALLOC_DEPOT"}) {
    ::setenv(setting, "sometimes", 1);
    EXPECT_EQ(exalloc_card_name(), nullptr);
    EXPECT_NE(std::string(exalloc_last_error()).find(setting), std::string::npos)
        << exalloc_last_error();
    ::unsetenv(setting);
  }
  EXPECT_STREQ(exalloc_card_name(), "soft") << exalloc_last_error();
}

// A process opens one card.
TEST(from_environment, opening_the_card_refuses_bad_text) {
  IN_A_FRESH_PROCESS(open_with_bad_text);
}

}  // namespace
}  // namespace exalloc
