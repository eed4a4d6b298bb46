// How a name of the description is spelt in each language.
#pragma once

#include <string>
#include <string_view>

namespace exalloc::regs_gen {

[[nodiscard]] bool is_snake_case(std::string_view name);

[[nodiscard]] bool is_cpp_keyword(std::string_view name);

/// A keyword of C++ or of SystemVerilog.
[[nodiscard]] bool is_keyword(std::string_view name);

/// "double_free" becomes "DoubleFree".
[[nodiscard]] std::string upper_camel(std::string_view name);

}  // namespace exalloc::regs_gen
