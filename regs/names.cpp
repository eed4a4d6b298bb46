#include "names.hpp"

#include <algorithm>
#include <array>

namespace exalloc::regs_gen {
namespace {

constexpr auto cpp_keywords = std::to_array<std::string_view>(
    {"alignas",   "alignof",  "and",      "asm",      "auto",    "bitand",  "bitor",     "bool",
     "break",     "case",     "catch",    "char",     "class",   "compl",   "concept",   "const",
     "constexpr", "continue", "decltype", "default",  "delete",  "do",      "double",    "else",
     "enum",      "explicit", "export",   "extern",   "false",   "float",   "for",       "friend",
     "goto",      "if",       "inline",   "int",      "long",    "mutable", "namespace", "new",
     "noexcept",  "not",      "nullptr",  "operator", "or",      "private", "protected", "public",
     "register",  "requires", "return",   "short",    "signed",  "sizeof",  "static",    "struct",
     "switch",    "template", "this",     "throw",    "true",    "try",     "typedef",   "typeid",
     "typename",  "union",    "unsigned", "using",    "virtual", "void",    "volatile",  "while",
     "xor"});

// Those that somebody might name a register or a field.
constexpr auto sv_keywords = std::to_array<std::string_view>(
    {"alias",   "always",   "assert",   "assign",   "assume",   "before",    "begin",
     "bind",    "bit",      "buf",      "byte",     "cell",     "checker",   "clocking",
     "config",  "context",  "cover",    "deassign", "design",   "disable",   "dist",
     "edge",    "end",      "event",    "expect",   "final",    "force",     "fork",
     "forever", "function", "generate", "global",   "import",   "include",   "initial",
     "input",   "inout",    "inside",   "instance", "integer",  "interface", "join",
     "large",   "let",      "library",  "local",    "logic",    "matches",   "medium",
     "module",  "modport",  "null",     "output",   "package",  "packed",    "parameter",
     "posedge", "priority", "process",  "program",  "property", "protect",   "pulldown",
     "pullup",  "pure",     "rand",     "real",     "ref",      "reg",       "release",
     "repeat",  "scalared", "sequence", "small",    "solve",    "specify",   "string",
     "strong",  "super",    "supply0",  "table",    "tagged",   "task",      "time",
     "tri",     "type",     "unique",   "until",    "use",      "var",       "vectored",
     "wait",    "wand",     "weak",     "wildcard", "wire",     "with",      "within",
     "wor"});

}  // namespace

bool is_snake_case(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, allowed) && name[0] >= 'a' &&
         name.back() != '_' && name.find("__") == std::string_view::npos;
}

bool is_cpp_keyword(std::string_view name) {
  return std::ranges::find(cpp_keywords, name) != cpp_keywords.end();
}

bool is_keyword(std::string_view name) {
  return is_cpp_keyword(name) || std::ranges::find(sv_keywords, name) != sv_keywords.end();
}

std::string upper_camel(std::string_view name) {
  std::string result;
  bool capital = true;
  for (const char c : name) {
    if (c == '_') {
      capital = true;
      continue;
    }
    result += capital && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    capital = false;
  }
  return result;
}

}  // namespace exalloc::regs_gen
