# Finds MLIR 22, and defines pg_add_library: a static library compiled with the shared precompiled MLIR header.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(PG_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${PG_LLVM_DEFINITIONS})

# Nine tenths of a file's compile time are MLIR's headers: they are compiled once.
add_library(pg_pch STATIC ${CMAKE_SOURCE_DIR}/tools/cmake/pch.cpp)
target_precompile_headers(pg_pch PRIVATE ${CMAKE_SOURCE_DIR}/tools/cmake/pch.h)

# pg_add_library(NAME SOURCES ... [LINK libraries...] [DEPENDS targets...])
function(pg_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_precompile_headers(${name} REUSE_FROM pg_pch)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# pg_add_tool(NAME SOURCES ... [LINK libraries...])
function(pg_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_precompile_headers(${name} REUSE_FROM pg_pch)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()

# All pages that are made, build/docs.
add_custom_target(docs)

# pg_add_doc(PAGE FILE.td GENERATOR options...): a page of reference, build/docs/PAGE.md, from definitions.
function(pg_add_doc page file generator)
  set(doc ${CMAKE_BINARY_DIR}/docs/${page}.md)
  file(GLOB definitions CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.td)
  add_custom_command(OUTPUT ${doc}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/docs
    COMMAND ${MLIR_TABLEGEN_EXE} ${generator} ${ARGN} -I ${CMAKE_SOURCE_DIR} -I ${MLIR_INCLUDE_DIRS}
      ${CMAKE_CURRENT_SOURCE_DIR}/${file} -o ${doc}
    DEPENDS ${definitions} VERBATIM)
  add_custom_target(${page}-doc ALL DEPENDS ${doc})
  add_dependencies(docs ${page}-doc)
endfunction()

# pg_add_time_page(MODEL PUBLISHED): build/docs/time-MODEL.md, what a step of a model is predicted to take. It compiles the model, which takes a
# minute: built by the target `docs` alone.
function(pg_add_time_page model published)
  set(page ${CMAKE_BINARY_DIR}/docs/time-${model}.md)
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/TimePage.cmake)
  file(GLOB_RECURSE models CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/models/*.pgm)
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/docs
    COMMAND ${CMAKE_COMMAND} -D PGC=$<TARGET_FILE:pgc> -D PGRT=$<TARGET_FILE:pgrt> -D MODEL=${model}
      -D SOURCE=${CMAKE_SOURCE_DIR}/models/${model}.pgm -D PUBLISHED=${published} -D PAGE=${page} -P ${script}
    DEPENDS pgc pgrt ${models} ${script} VERBATIM)
  add_custom_target(${model}-time DEPENDS ${page})
  add_dependencies(docs ${model}-time)
endfunction()
