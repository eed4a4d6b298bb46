// Lookaside lists: the engine, the worker that executes their lines, and what controls them.
//
// Contract: job_*, out_* and err_* are those of line_worker; cmd_*, tick_i and the window those of
// lookaside_control. Nothing may be asked for until ready_o. A line, a command and a pass of the
// governor are executed one after the other; where both sides wait they take turns. busy_o stays
// set until nothing is under way. Counter outputs are increments of the cycle.
`default_nettype none

module lookaside_unit #(
    parameter int unsigned NumLists = 64,
    parameter int unsigned Depth    = 256,
    parameter int unsigned DomainW  = 6,
    parameter int unsigned BankW    = 2,
    parameter bit          UseUram  = 1'b1,
    localparam int unsigned ListW   = $clog2(NumLists),
    localparam int unsigned CountW  = $clog2(Depth) + 1
) (
    input  wire                clk_i,
    input  wire                rst_i,
    output logic               ready_o,
    output logic               busy_o,
    // job
    input  wire                job_valid_i,
    output logic               job_ready_o,
    input  wire  [511:0]       job_line_i,
    input  wire  [DomainW-1:0] job_domain_i,
    input  wire  [BankW-1:0]   job_bank_i,
    input  wire                job_bad_phase_i,
    // completion lines
    output logic               out_valid_o,
    input  wire                out_ready_i,
    output logic               out_write_o,
    output logic               out_last_o,
    output logic [511:0]       out_line_o,
    output logic [BankW-1:0]   out_bank_o,
    // errors
    output logic               err_valid_o,
    input  wire                err_ready_i,
    output logic [3:0]         err_opcode_o,
    output logic [9:0]         err_list_o,
    output logic [3:0]         err_status_o,
    output logic [31:0]        err_token_o,
    // commands
    input  wire                cmd_valid_i,
    input  wire  [3:0]         cmd_command_i,
    input  wire  [9:0]         cmd_list_i,
    input  wire  [DomainW-1:0] cmd_domain_i,
    input  wire  [8:0]         cmd_depth_i,
    input  wire  [8:0]         cmd_minimum_i,
    input  wire  [8:0]         cmd_maximum_i,
    output logic               cmd_busy_o,
    output logic               cmd_done_o,
    output logic [3:0]         cmd_status_o,
    // governor
    input  wire                tick_i,
    // register window
    input  wire                re_i,
    input  wire  [5:0]         index_i,
    input  wire  [4:0]         addr_i,
    output logic               rvalid_o,
    output logic [31:0]        rdata_o,
    // counters
    output logic               cnt_line_o,
    output logic               cnt_popped_o,
    output logic               cnt_pushed_o,
    output logic               cnt_pass_o
);

  logic               hold;
  logic               worker_ready;
  logic               worker_valid;
  logic               worker_req_ready;
  logic [2:0]         worker_op;
  logic [ListW-1:0]   worker_list;
  logic [DomainW-1:0] worker_domain;
  logic [63:0]        worker_data;
  logic               worker_tag;

  logic               active;
  logic               ask;
  logic               owner_q;    // the engine is the control's
  logic               served_q;   // the control had it last
  logic               control_valid;
  logic               control_req_ready;
  logic [2:0]         control_op;
  logic [ListW-1:0]   control_list;
  logic [DomainW-1:0] control_domain;
  logic [63:0]        control_data;
  logic               control_tag;

  logic               req_valid;
  logic               req_ready;
  logic               rsp_valid;
  logic [1:0]         rsp_tag;
  logic [3:0]         rsp_status;
  logic [63:0]        rsp_data;
  logic [CountW-1:0]  rsp_depth;
  logic [CountW-1:0]  rsp_held;
  logic [CountW-1:0]  rsp_reserved;
  logic               engine_busy;
  logic               read;
  logic [ListW-1:0]   read_list;
  logic [4:0]         read_addr;
  logic               read_valid;
  logic [31:0]        read_data;

  // ---- Turns ----

  logic closed;  // to lines
  assign closed      = owner_q || (ask && !served_q);
  assign job_ready_o = worker_ready && !closed;

  always_ff @(posedge clk_i) begin
    if (owner_q) begin
      owner_q <= ask;
    end else begin
      owner_q <= ask && !hold && !(job_valid_i && job_ready_o);
    end
    if (owner_q) begin
      served_q <= 1'b1;
    end else if (hold) begin
      served_q <= 1'b0;
    end
    if (rst_i) begin
      owner_q  <= 1'b0;
      served_q <= 1'b0;
    end
  end

  lookaside_worker #(
      .NumLists(NumLists),
      .DomainW (DomainW),
      .BankW   (BankW),
      .CountW  (CountW)
  ) u_worker (
      .clk_i,
      .rst_i,
      .hold_o        (hold),
      .job_valid_i   (job_valid_i && job_ready_o),
      .job_ready_o   (worker_ready),
      .job_line_i,
      .job_domain_i,
      .job_bank_i,
      .job_bad_phase_i,
      .out_valid_o,
      .out_ready_i,
      .out_write_o,
      .out_last_o,
      .out_line_o,
      .out_bank_o,
      .err_valid_o,
      .err_ready_i,
      .err_opcode_o,
      .err_list_o,
      .err_status_o,
      .err_token_o,
      .req_valid_o   (worker_valid),
      .req_ready_i   (worker_req_ready),
      .req_op_o      (worker_op),
      .req_list_o    (worker_list),
      .req_domain_o  (worker_domain),
      .req_data_o    (worker_data),
      .req_tag_o     (worker_tag),
      .rsp_valid_i   (rsp_valid && rsp_tag == 2'b01),
      .rsp_status_i  (rsp_status),
      .rsp_data_i    (rsp_data),
      .rsp_depth_i   (rsp_depth),
      .rsp_held_i    (rsp_held),
      .rsp_reserved_i(rsp_reserved),
      .cnt_line_o,
      .cnt_popped_o,
      .cnt_pushed_o
  );

  lookaside_control #(
      .NumLists(NumLists),
      .DomainW (DomainW)
  ) u_control (
      .clk_i,
      .rst_i,
      .active_o    (active),
      .cmd_valid_i,
      .cmd_command_i,
      .cmd_list_i,
      .cmd_domain_i,
      .cmd_depth_i,
      .cmd_minimum_i,
      .cmd_maximum_i,
      .busy_o      (cmd_busy_o),
      .done_o      (cmd_done_o),
      .status_o    (cmd_status_o),
      .tick_i,
      .cnt_pass_o,
      .ask_o       (ask),
      .owner_i     (owner_q),
      .req_valid_o (control_valid),
      .req_ready_i (control_req_ready),
      .req_op_o    (control_op),
      .req_list_o  (control_list),
      .req_domain_o(control_domain),
      .req_data_o  (control_data),
      .req_tag_o   (control_tag),
      .rsp_valid_i (rsp_valid && rsp_tag == 2'b11),
      .rsp_status_i(rsp_status),
      .re_i,
      .index_i,
      .addr_i,
      .rvalid_o,
      .rdata_o,
      .read_o      (read),
      .read_list_o (read_list),
      .read_addr_o (read_addr),
      .read_valid_i(read_valid),
      .read_data_i (read_data)
  );

  assign req_valid         = owner_q ? control_valid : worker_valid;
  assign control_req_ready = owner_q && req_ready;
  assign worker_req_ready  = !owner_q && req_ready;

  lookaside_engine #(
      .NumLists(NumLists),
      .Depth   (Depth),
      .DomainW (DomainW),
      .TagW    (2),
      .UseUram (UseUram)
  ) u_engine (
      .clk_i,
      .rst_i,
      .ready_o,
      .busy_o        (engine_busy),
      .req_valid_i   (req_valid),
      .req_ready_o   (req_ready),
      .req_op_i      (owner_q ? control_op : worker_op),
      .req_list_i    (owner_q ? control_list : worker_list),
      .req_domain_i  (owner_q ? control_domain : worker_domain),
      .req_data_i    (owner_q ? control_data : worker_data),
      .req_tag_i     ({owner_q, owner_q ? control_tag : worker_tag}),
      .rsp_valid_o   (rsp_valid),
      .rsp_tag_o     (rsp_tag),
      .rsp_status_o  (rsp_status),
      .rsp_data_o    (rsp_data),
      .rsp_depth_o   (rsp_depth),
      .rsp_held_o    (rsp_held),
      .rsp_reserved_o(rsp_reserved),
      .read_i        (read),
      .read_list_i   (read_list),
      .read_addr_i   (read_addr),
      .read_valid_o  (read_valid),
      .read_data_o   (read_data)
  );

  assign busy_o = hold || active || engine_busy;

endmodule

`default_nettype wire
