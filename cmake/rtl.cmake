# exalloc_verilate(TARGET MODULE [PREFIX name] [SMALL] [ARGS verilator arguments...])
# Adds the Verilated model of rtl/MODULE.sv, class V<MODULE>, to a target. Several models may share a target.
# SMALL: compiled as one source; most of what compiling a small model takes is reading headers.
function(exalloc_verilate target module)
  cmake_parse_arguments(ARG "SMALL" "PREFIX" "ARGS" ${ARGN})
  if(NOT ARG_PREFIX)
    set(ARG_PREFIX V${module})
  endif()
  set(slow OPT_SLOW -O0)  # what runs once
  if(ARG_SMALL)
    set(slow "")  # a source with flags of its own cannot be joined with others
  endif()
  verilate(${target}
    PREFIX ${ARG_PREFIX}
    TOP_MODULE ${module}
    SOURCES ${PROJECT_SOURCE_DIR}/rtl/exalloc_pkg.sv ${PROJECT_SOURCE_DIR}/rtl/${module}.sv
    INCLUDE_DIRS ${PROJECT_SOURCE_DIR}/rtl
    ${slow}
    VERILATOR_ARGS -Wall -O3 --x-assign fast --x-initial fast ${ARG_ARGS})
  if(ARG_SMALL)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "/${ARG_PREFIX}\\.dir/.*\\.cpp$")
    set_source_files_properties(${sources} PROPERTIES UNITY_GROUP ${ARG_PREFIX})
  endif()
endfunction()
