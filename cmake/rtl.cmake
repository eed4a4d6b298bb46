# exalloc_verilate(TARGET MODULE [PREFIX name] [ARGS verilator arguments...])
# Adds the Verilated model of rtl/MODULE.sv, class V<MODULE>, to a target. Several models may share a target.
function(exalloc_verilate target module)
  cmake_parse_arguments(ARG "" "PREFIX" "ARGS" ${ARGN})
  if(NOT ARG_PREFIX)
    set(ARG_PREFIX V${module})
  endif()
  verilate(${target}
    PREFIX ${ARG_PREFIX}
    TOP_MODULE ${module}
    SOURCES ${PROJECT_SOURCE_DIR}/rtl/exalloc_pkg.sv ${PROJECT_SOURCE_DIR}/rtl/${module}.sv
    INCLUDE_DIRS ${PROJECT_SOURCE_DIR}/rtl
    VERILATOR_ARGS -Wall -O3 --x-assign fast --x-initial fast ${ARG_ARGS})
endfunction()
